"""`python -m bench [NAME ...] [--write]`: run benches and print one table each.

Names: http, scale, exposition, websocket, ingest, logs, flood, detection, release, dashboards, rollback;
without a name all of them (over half an hour). `--write` puts the tables into docs/benchmarks.md.
`soak --seconds N` runs the demo under changing faults instead. Exit code 1 if a target was missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import (
    adapted,
    bench_dashboards,
    bench_detection,
    bench_flood,
    bench_http,
    bench_ingest,
    bench_logs,
    bench_release,
    bench_rollback,
    bench_scale,
    soak,
)
from bench.harness import Table, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BENCHES: dict[str, Callable[[], Table | Sequence[Table]]] = {
    "http": bench_http.run,
    "scale": bench_scale.run,
    "exposition": adapted.exposition,
    "websocket": adapted.websocket,
    "ingest": bench_ingest.run,
    "flood": bench_flood.run,
    "logs": bench_logs.run,
    "detection": bench_detection.run,
    "release": bench_release.run,
    "dashboards": bench_dashboards.run,
    "rollback": bench_rollback.run,
}
_PAGE = Path(__file__).parents[2] / "docs/benchmarks.md"
_PREFACE = """# Benchmarks

Written by `make bench B=--write`. Every figure stands beside a floor or a peer of the same run on the same
machine; compare within a table, not between machines.
"""


def _write(tables: list[Table], on: str) -> None:
    """Replace these tables' sections in the page, and add new ones; each says where it was measured."""
    text = _PAGE.read_text() if _PAGE.exists() else ""
    sections = {part.partition("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]}
    for table in tables:
        sections[table.title] = f"{table.as_markdown().removeprefix('## ')}\n\nMeasured on {on}\n"
    _PAGE.write_text(_PREFACE + "".join(f"\n## {part.rstrip()}\n" for part in sections.values()))


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="make bench B=", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHES, "soak", []], metavar="NAME")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--seconds", type=float, default=1800, help="how long to soak")
    options = parser.parse_args()
    if options.names == ["soak"]:
        return soak.main(options.seconds)
    on = machine()
    print(on, flush=True)
    tables: list[Table] = []
    for name in options.names or BENCHES:
        found = BENCHES[name]()
        fresh = [found] if isinstance(found, Table) else found
        for table in fresh:
            print(f"\n{table.as_text()}", flush=True)
        tables += fresh
    if options.write:
        _write(tables, f"{on}. {dt.datetime.now(dt.UTC).date()}.")
    return int(any(not target.is_met for table in tables for target in table.targets))


if __name__ == "__main__":
    sys.exit(main())
