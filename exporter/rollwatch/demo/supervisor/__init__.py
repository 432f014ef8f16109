"""Runs the demo's processes together, and ends them together."""
