"""What Alertmanager delivers: read, bounded, written down, answered; then the work begins."""
