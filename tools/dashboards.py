"""Write the dashboards that grafana/source makes, or compare them."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "grafana" / "source"))

from rollwatch.bundle.directory import write_whole  # noqa: E402  after the path is set
from rollwatch.bundle.settings import Settings  # noqa: E402
from rollwatch_dashboards.shipped import dashboard_files  # noqa: E402

FOLDER = ROOT / "grafana" / "dashboards"


def main() -> int:
    status = 0
    files = dashboard_files(Settings())
    for path in sorted(FOLDER.rglob("*.json")):
        if str(path.relative_to(FOLDER)) not in files:
            sys.stderr.write(f"{path.relative_to(ROOT)} is made by nothing in grafana/source: remove it.\n")
            status = 1
    for name, text in files.items():
        path = FOLDER / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if "--check" in sys.argv:
            sys.stderr.write(
                f"{path.relative_to(ROOT)} is not what grafana/source makes: "
                "change it there, run 'make docs' and commit both.\n"
            )
            status = 1
            continue
        write_whole(path, text)
    return status


sys.exit(main())
