"""Declared figures and records at work: what comes in is checked, computed, counted and kept."""
