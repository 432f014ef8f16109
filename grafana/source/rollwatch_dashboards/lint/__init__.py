"""Reads finished dashboards as Grafana and its linter would, and compares what they name with what exists."""
