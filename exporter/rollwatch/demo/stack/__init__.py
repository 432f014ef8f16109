"""What stands behind the exporter in the demo: Prometheus, Alertmanager and the bridge."""
