"""What a metric is, where its values live, and how they are written for Prometheus."""
