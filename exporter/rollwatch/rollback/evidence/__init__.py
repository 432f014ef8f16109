"""Asks Prometheus, the exporter and Alertmanager what a decision needs; what can't be learnt is said so."""
