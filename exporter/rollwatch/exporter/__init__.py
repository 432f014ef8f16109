"""The exporter process: its wiring, its routes and its status page."""
