"""Read every committed dashboard with the rules of grafana/source; a line per fault."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "grafana" / "source"))

from rollwatch_dashboards.lint.check import findings  # noqa: E402  after the path is set
from rollwatch_dashboards.lint.known import known  # noqa: E402


def main() -> int:
    boards = {
        str(path.relative_to(ROOT)): json.loads(path.read_text("utf-8"))
        for path in sorted((ROOT / "grafana" / "dashboards").glob("*/*.json"))
    }
    found = list(findings(boards, known()))
    for name, finding in found:
        sys.stderr.write(f"{name}: {finding.where}: {finding.what} [{finding.rule}]\n")
    return 1 if found else 0


sys.exit(main())
