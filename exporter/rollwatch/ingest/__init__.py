"""What comes in by itself: browser beacons, pushed figures, log lines."""
