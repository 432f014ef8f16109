"""What Alertmanager can't send itself: it calls by webhook, and the bridge keeps, sends and tries again."""
