"""Figures and records that applications send: who they are, what they say, and whether it is new."""
