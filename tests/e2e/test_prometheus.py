"""A real Prometheus scrapes a real exporter, and answers questions about it."""

import json
import shutil
import urllib.parse

import pytest

from support.processes import fetch, free_port, running, running_exporter, wait_for

CONFIG = """
environment: production
location: fra1
services:
  api:
    owner: backend
    probes:
      health: {{kind: http, url: "http://127.0.0.1:{closed}/health", interval: 1s, timeout: 1s}}
      self: {{kind: tcp, address: "127.0.0.1:{open}", interval: 1s, timeout: 1s}}
"""

SCRAPE = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: rollwatch
    honor_labels: true
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.fixture
def prometheus(tmp_path):
    """A Prometheus of Debian's, on `scrape(target)`."""
    assert shutil.which("prometheus"), "run `make test`, which installs what the tests need"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    argv = [
        "prometheus",
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]

    def start(target):
        (tmp_path / "prometheus.yml").write_text(SCRAPE.format(target=target))
        return running(argv, cwd=tmp_path)

    def query(expression):
        query = urllib.parse.urlencode({"query": expression})
        status, _, body = fetch(f"{url}/api/v1/query?{query}")
        assert status == 200, body
        return [(each["metric"], float(each["value"][1])) for each in json.loads(body)["data"]["result"]]

    start.query = query
    start.is_ready = lambda: _answers(f"{url}/-/ready")
    return start


def _answers(url):
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


def test_what_the_exporter_saw_can_be_asked_of_prometheus(tmp_path, prometheus):
    config = tmp_path / "rollwatch.yml"
    # The exporter watches a port nobody listens on, and Prometheus's own.
    closed = free_port()
    port = free_port()
    config.write_text(CONFIG.format(closed=closed, open=port))
    with running_exporter(config) as exporter, prometheus(exporter.url.removeprefix("http://")):
        wait_for(prometheus.is_ready, "Prometheus to be ready")
        labels, value = wait_for(lambda: prometheus.query('probe_success{probe="health"}'), "a sample")[0]
        assert value == 0
        assert {
            "service": "api",
            "environment": "production",
            "kind": "http",
            "location": "fra1",
        }.items() <= labels.items()
        assert "exported_service" not in labels
        assert prometheus.query("up")[0][1] == 1
        counted = 'rollwatch_probe_results_total{verdict="down",reason="connect_refused",probe="health"} > 1'
        wait_for(lambda: prometheus.query(counted), "counted results")
        assert prometheus.query('rollwatch_probe_info{role="none"}')
        wait_for(lambda: prometheus.query("rate(probe_all_duration_seconds_count[10s]) > 0"), "a rate")
        assert prometheus.query("count({__name__=~'.+_created'})") == []
