"""Figures of the host rollwatch runs on and of declared processes, read by `HostCollector`."""
