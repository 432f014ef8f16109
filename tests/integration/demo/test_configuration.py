"""The configuration the demo writes is one that rollwatch takes, without a word of warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollwatch.config.load import load_config
from rollwatch.config.secrets import SecretStore
from rollwatch.demo import certificates
from rollwatch.demo.configuration import write_config
from rollwatch.demo.faults import FAULTS
from rollwatch.demo.production.registry import CONTROL, PARTS, ports_from
from rollwatch.demo.production.request_log import FILE
from rollwatch.demo.rundir import RunDir
from rollwatch.demo.signs import Expectation, FigureSign, Share, Sign
from rollwatch.demo.stack.ports import StackPorts
from rollwatch.ingest.browser.metrics import BROWSER_METRICS
from rollwatch.metrics.catalogue import catalogue
from rollwatch.metrics.normal import NORMAL
from rollwatch.probers import discover

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.config import Config

STACK = StackPorts(*range(21_900, 21_906))


def written(directory: Path, base_port: int, interval: str) -> tuple[str, Config]:
    run_dir = RunDir(directory / "run")
    run_dir.prepare()
    certificates.make(run_dir.tls, now=1_800_000_000)
    for name in ("primary", "fallback", "feed", "push-api", "push-trading", "push-web"):
        run_dir.keep_secret(name)
    write_config(
        run_dir,
        ports_from(base_port),
        STACK,
        interval=interval,
    )
    specs = {name: kind.spec for name, kind in discover().items()}
    store = SecretStore(run_dir.path, {})
    return run_dir.config.read_text(), load_config(run_dir.config, specs, secrets=store, location=None)


@pytest.mark.parametrize(("interval", "timeout_s"), [("5s", 4.0), ("1s", 1.0), ("1m", 4.0)])
def test_it_is_valid_for_any_ports_and_interval(tmp_path: Path, interval: str, timeout_s: float) -> None:
    text, config = written(tmp_path, 21_000, interval)

    assert config.warnings == ()
    # Two have an interval of their own; the file says why.
    free = [probe for probe in config.probes if probe.id not in ("api/orders", "chain/height")]
    assert {probe.spec.timeout for probe in free} == {timeout_s}
    ports = ports_from(21_000)
    assert all(f"127.0.0.1:{ports[part.name]}" in text for part in PARTS)
    assert ":97" not in text
    assert str(ports[CONTROL]) not in text


def test_pages_and_applications_are_admitted(tmp_path: Path) -> None:
    text, config = written(tmp_path, 21_000, "5s")
    web = config.services["web"].signals.browser
    front = ports_from(21_000)["front"]

    assert web is not None
    assert web.origins == (f"http://127.0.0.1:{front}", f"http://localhost:{front}")
    assert f"127.0.0.1:{STACK.ingest}/rum.js?service=web" in text
    assert f"--web.ingest-address 127.0.0.1:{STACK.ingest}" in text
    for name in ("api", "trading"):
        push = config.services[name].signals.push
        assert push is not None
        assert push.token is not None
        assert push.token.render() == (tmp_path / f"run/secrets/push-{name}").read_text().strip()


def test_the_log_is_the_one_the_api_writes(tmp_path: Path) -> None:
    _, config = written(tmp_path, 21_000, "5s")

    assert config.services["api"].signals.logs["requests"].file == tmp_path / "run/logs" / FILE


def test_every_sign_of_a_fault_is_of_a_probe_or_a_service_and_a_metric_that_exist(tmp_path: Path) -> None:
    _, config = written(tmp_path, 21_000, "5s")
    signs = [sign for info in FAULTS.values() for sign in info.signs]
    extra = (*BROWSER_METRICS, *(figure.metric for figure in NORMAL.values()))
    names = {name for metric in catalogue(discover().values(), extra) for name in metric.reserved_names}
    shown = [one for sign in signs for one in sign.series]
    metrics = {one.metric for one in shown if isinstance(one, Expectation)}
    metrics |= {
        counted.metric for one in shown if isinstance(one, Share) for counted in (one.part, one.whole)
    }

    assert {sign.probe for sign in signs if isinstance(sign, Sign)} <= {probe.id for probe in config.probes}
    assert {sign.service for sign in signs if isinstance(sign, FigureSign)} <= set(config.services)
    assert metrics <= names
