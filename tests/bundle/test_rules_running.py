"""The shipped rules in a real Prometheus, fed by two real exporters of a running production: each evaluates.

Two locations are what finds a join that holds only while there is one series of each kind.
"""

import json
import shutil
import urllib.parse
from contextlib import ExitStack

import pytest

from rollwatch.bundle.prometheus_config import Addresses, prometheus_files, prometheus_flags
from rollwatch.bundle.rule_files import rule_files
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import topics
from rollwatch.demo.rundir import RunDir
from support.demo_up import overview_of, started
from support.processes import fetch, free_port, running, running_exporter, wait_for

# The shipped expressions; only what drives them is quicker.
SETTINGS = Settings(scrape_interval="1s", evaluation_interval="1s")
EVALUATIONS = 3


class Prometheus:
    """One with all the shipped rules."""

    def __init__(self, url):
        self.url = url

    def ask(self, path, **query):
        status, _, body = fetch(f"{self.url}{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, body
        return json.loads(body)["data"]

    def query(self, expression):
        result = self.ask("/api/v1/query", query=expression)["result"]
        return [(each["metric"], float(each["value"][1])) for each in result]

    def rules(self):
        return [
            (group["name"], rule) for group in self.ask("/api/v1/rules")["groups"] for rule in group["rules"]
        ]

    def is_ready(self):
        try:
            return fetch(f"{self.url}/-/ready")[0] == 200
        except OSError:
            return False


@pytest.fixture
def prometheus(tmp_path):
    """Two exporters of one demo, at two locations, and a Prometheus that scrapes them."""
    assert shutil.which("prometheus"), "run `make test`, which installs what the tests need"
    with ExitStack() as stack:
        run_dir = RunDir(tmp_path / "demo")
        demo = stack.enter_context(started(run_dir, "--interval", "1s"))
        overview_of(demo)
        # Off the run directory's exporter, at its port: the same configuration seen from elsewhere.
        other = stack.enter_context(running_exporter(run_dir.config, "--location", "elsewhere"))
        port = free_port()
        listen = f"127.0.0.1:{port}"
        exporters = (f"127.0.0.1:{demo.exporter_port}", other.url.removeprefix("http://"))
        files = prometheus_files(
            SETTINGS, Addresses(prometheus=(listen,), alertmanager=(), exporter=exporters, bridge=())
        )
        rules = rule_files(topics(SETTINGS), SETTINGS)
        files |= {f"prometheus/rules/{name}": text for name, text in rules.items()}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        config = tmp_path / "prometheus/prometheus.yml"
        flags = prometheus_flags(config_file=config, data=tmp_path / "data", listen=listen)
        stack.enter_context(running(["prometheus", *flags, "--log.level=warn"], cwd=tmp_path))
        found = Prometheus(f"http://{listen}")
        wait_for(found.is_ready, "Prometheus to be ready")
        yield found


def test_every_rule_evaluates_with_two_exporters(prometheus):
    wait_for(
        lambda: len(prometheus.query('count by (location) (probe_success{probe!=""})')) == 2,
        "probes of two locations",
    )
    # What is recorded of both is there, so that whatever joins with it is evaluated with two on each side.
    wait_for(lambda: prometheus.query("probe:down:ratio"), "recordings")
    began = prometheus.query("count_over_time(rollwatch:evaluations[1h])")[0][1]
    wait_for(
        lambda: prometheus.query("count_over_time(rollwatch:evaluations[1h])")[0][1] >= began + EVALUATIONS,
        "more evaluations",
    )
    rules = prometheus.rules()
    faulty = {
        (group, rule["name"]): rule.get("lastError") or rule["health"]
        for group, rule in rules
        if rule["health"] != "ok" or rule.get("lastError")
    }
    assert faulty == {}
    assert len(rules) > 100
    failures = prometheus.query("sum(prometheus_rule_evaluation_failures_total)")
    assert failures == [] or failures[0][1] == 0
