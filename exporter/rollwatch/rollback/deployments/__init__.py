"""Learns of deployments, and says how well they go."""
