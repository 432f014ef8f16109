"""Write what is generated of the bundle: rules, routes, docs/alerts.md, facts of runbooks; or compare."""

import sys
from contextlib import suppress
from pathlib import Path

from rollwatch.bundle.directory import write_whole
from rollwatch.bundle.posted import POSTED
from rollwatch.bundle.reference import alerts_page, facts, posted_facts, with_facts
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.shipped import bundle_files
from rollwatch.bundle.topics import topics

ROOT = Path(__file__).resolve().parents[1]


def _files() -> dict[str, str]:
    settings = Settings()
    found = topics(settings)
    files = bundle_files(settings, None)
    files["docs/alerts.md"] = alerts_page(found, settings)
    rollbacks = {alert.twin: alert for topic in found for alert in topic.alerts if alert.twin is not None}
    told = {
        alert.name: facts(alert, topic, settings, rollbacks.get(alert.name))
        for topic in found
        for alert in topic.alerts
    }
    told |= {alert.name.value: posted_facts(alert) for alert in POSTED.values()}
    for alert_name, text in told.items():
        name = f"docs/runbooks/{alert_name}.md"
        with suppress(FileNotFoundError):  # a test says which one is missing
            files[name] = with_facts((ROOT / name).read_text("utf-8"), text)
    return files


def main() -> int:
    status = 0
    for name, text in _files().items():
        path = ROOT / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if "--check" in sys.argv:
            sys.stderr.write(f"{name} is not what the code says: run 'make docs' and commit it.\n")
            status = 1
            continue
        write_whole(path, text)
    return status


sys.exit(main())
