"""Tells people what the handler does, by Alertmanager; where that is down, by one fallback."""
