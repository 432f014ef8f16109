"""What browsers send: beacons with vitals, views, goals and errors."""
