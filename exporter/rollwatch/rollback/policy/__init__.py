"""Decides whether a release is taken back. Pure and total: no clock, no network, no disk, no exception."""
