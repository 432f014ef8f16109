"""Where nothing is measured yet no dashboard shows an error: each expression is taken, and finds nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

from support.dashboard_data import Source
from support.dashboard_queries import DASHBOARDS, asked_by, filled, load
from support.processes import fetch, free_port, running, wait_for


def test_a_prometheus_without_data_takes_every_expression(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("{}\n")
    port = free_port()
    argv = ["prometheus", "--config.file=empty.yml", "--storage.tsdb.path=data"]
    with running([*argv, f"--web.listen-address=127.0.0.1:{port}"], cwd=tmp_path) as process:
        wait_for(lambda: _is_ready(port), f"Prometheus:\n{process.output}")
        source = Source(f"http://127.0.0.1:{port}")
        asked = {
            filled(one.expr, step_s=15, range_s=3600, scrape_s=15, chosen=chosen)
            for path in DASHBOARDS
            for one in asked_by(load(path))
            if one.expr
            # Where nothing can be chosen, a variable is empty.
            for chosen in (".+", "")
        }
        answers = {expr: source.get("/api/v1/query", query=expr) for expr in sorted(asked)}

    assert len(answers) > 300
    assert {expr: answer for expr, answer in answers.items() if answer["status"] != "success"} == {}
    assert {expr: answer for expr, answer in answers.items() if answer.get("warnings")} == {}


def _is_ready(port: int) -> bool:
    with contextlib.suppress(OSError):
        return bool(fetch(f"http://127.0.0.1:{port}/-/ready")[0] == 200)
    return False
