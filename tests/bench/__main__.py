"""`python -m bench [NAME ...] [--write]`: run benches and print one table each.

Names: http, scale, exposition, websocket; without a name all of them (about five minutes). `--write` puts
the tables into docs/benchmarks.md. `soak --seconds N` runs the demo under changing faults instead. Exit
code 1 if a target was missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import adapted, bench_http, bench_scale, soak
from bench.harness import machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.harness import Table

BENCHES: dict[str, Callable[[], Table]] = {
    "http": bench_http.run,
    "scale": bench_scale.run,
    "exposition": adapted.exposition,
    "websocket": adapted.websocket,
}
_PAGE = Path(__file__).parents[2] / "docs/benchmarks.md"
_PREFACE = """# Benchmarks

Written by `make bench B=--write`. Every figure stands beside a floor or a peer of the same run on the same
machine; compare within a table, not between machines.
"""


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
    tables = []
    for name in options.names or BENCHES:
        tables.append(BENCHES[name]())
        print(f"\n{tables[-1].as_text()}", flush=True)
    if options.write:
        today = dt.datetime.now(dt.UTC).date()
        sections = "\n\n".join(table.as_markdown() for table in tables)
        _PAGE.write_text(f"{_PREFACE}\nMachine: {on}. {today}.\n\n{sections}\n")
    return int(any(not target.is_met for table in tables for target in table.targets))


if __name__ == "__main__":
    sys.exit(main())
