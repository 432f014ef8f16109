"""prometheus.yml and its target files: valid for the Prometheus that is here, and as they were asked for."""

import os
import subprocess

import pytest
import yaml

from rollwatch.bundle.prometheus_config import RETENTION, Addresses, prometheus_files, prometheus_flags
from rollwatch.bundle.rule_files import rule_files
from rollwatch.bundle.settings import Settings
from rollwatch.bundle.topics import topics

PROMTOOL = os.environ.get("PROMTOOL", "promtool")


def written(place, settings, addresses=None):
    files = prometheus_files(settings, addresses)
    rules = rule_files(topics(settings), settings)
    for name, text in {**files, **{f"prometheus/rules/{name}": text for name, text in rules.items()}}.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place / "prometheus/prometheus.yml"


@pytest.mark.parametrize(
    ("settings", "addresses"),
    [
        (Settings(), None),
        (Settings(scrape_interval="5s", evaluation_interval="5s", exporter_job="watch"), None),
        (
            Settings(),
            Addresses(
                prometheus=("127.0.0.1:1", "127.0.0.1:2"),
                alertmanager=(),
                exporter=("[::1]:9717", "fra1.example.com:9717"),
                bridge=(),
                rollback=("127.0.0.1:9718",),
            ),
        ),
    ],
    ids=["as shipped", "own intervals and job", "own addresses"],
)
def test_promtool_takes_the_configuration_with_all_rules(tmp_path, settings, addresses):
    config = written(tmp_path, settings, addresses)
    done = subprocess.run(
        [PROMTOOL, "check", "config", str(config)], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rule files found" in done.stdout


def test_every_job_reads_its_targets_from_a_file_that_is_there():
    files = {name: yaml.safe_load(text) for name, text in prometheus_files(Settings()).items()}
    config = files.pop("prometheus/prometheus.yml")
    named = {
        job["job_name"]: f"prometheus/{job['file_sd_configs'][0]['files'][0]}"
        for job in config["scrape_configs"]
    }
    assert set(named.values()) == set(files)
    (manager,) = config["alerting"]["alertmanagers"]
    assert manager["file_sd_configs"] == [{"files": ["targets/alertmanager.yml"]}]
    targets = {job: files[name] for job, name in named.items()}
    assert targets == {
        "rollwatch": [{"targets": ["127.0.0.1:9717"]}],
        "rollwatch-bridge": [{"targets": ["127.0.0.1:9719"]}],
        "alertmanager": [{"targets": ["127.0.0.1:9093"]}],
        "prometheus": [{"targets": ["127.0.0.1:9090"]}],
        # Named before they run, they would be alerted as down.
        "rollwatch-rollback": [],
        "applications": [],
    }


def test_what_says_whose_a_series_is():
    """Our processes say it themselves; of an application its target file does, whatever it says."""
    config = yaml.safe_load(prometheus_files(Settings())["prometheus/prometheus.yml"])
    honored = {job["job_name"] for job in config["scrape_configs"] if job.get("honor_labels")}
    assert honored == {"rollwatch", "rollwatch-bridge", "rollwatch-rollback"}


def test_the_flags_keep_what_slos_look_back_on(tmp_path):
    flags = prometheus_flags(
        config_file=tmp_path / "prometheus.yml", data=tmp_path / "data", listen="127.0.0.1:1"
    )
    assert flags == [
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--storage.tsdb.retention.time={RETENTION}",
        "--web.listen-address=127.0.0.1:1",
    ]
    assert int(RETENTION.removesuffix("d")) > 30
