"""Who hears of an alert, as Alertmanager's configuration and the templates of its messages."""

from __future__ import annotations

from rollwatch.bundle.alertmanager.files import alertmanager_files

__all__ = ["alertmanager_files"]
