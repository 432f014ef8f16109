"""What Alertmanager posts to webhooks, as every process of ours that is one reads it."""
