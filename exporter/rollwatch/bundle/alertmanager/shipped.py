"""What alertmanager.yml is made from where no configuration is given: every channel once."""

from __future__ import annotations

from rollwatch.config.notifications import NotificationsSpec

__all__ = ["shipped"]


def shipped() -> NotificationsSpec:
    """Addresses of examples; bridge and rollback handler on this host."""
    return NotificationsSpec.model_validate(
        {
            "slack": {"webhook_file": "secrets/slack", "channel": "#alerts"},
            "email": {"to": ["oncall@example.com"]},
            "pagerduty": {"routing_key_file": "secrets/pagerduty"},
            "sms": {"to": ["+15005550006"]},
            "mail": {
                "smarthost": "smtp.example.com:587",
                "from": "rollwatch@example.com",
                "username": "rollwatch",
                "password_file": "secrets/smtp",
            },
            "bridge": {"url": "http://127.0.0.1:9719", "token_file": "secrets/bridge"},
            "rollback_handler": {"url": "http://127.0.0.1:9718", "token_file": "secrets/rollback"},
        }
    )
