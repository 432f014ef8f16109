"""The exporter as an operator runs it: start, reload, secrets, signals, the end."""

import hashlib
import http.server
import json
import signal
import threading

import pytest

from support.processes import ROLLWATCH, fetch, running, running_exporter, wait_for


@pytest.fixture
def target():
    """A health endpoint that remembers the Authorization headers it was sent."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers.get("Authorization"))
            body = b'{"status": "healthy", "version": "1.2.3", "database": "connected"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    seen: list[str | None] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        server.seen = seen
        server.url = f"http://127.0.0.1:{server.server_port}/health"
        yield server
        server.shutdown()
        thread.join()


def write_config(path, url, probe="health", extra=""):
    path.write_text(
        f"""
environment: test
location: here
services:
  api:
    owner: backend
    links: {{logs_url: "https://logs.example.com/"}}
    probes:
      {probe}: {{kind: http, url: "{url}", interval: 1s, timeout: 1s,
        components: {{critical: [database]}}{extra}}}
"""
    )


def loaded_at(metrics):
    name = 'rollwatch_config_last_reload_success_timestamp_seconds{location="here"} '
    return float(next(line.removeprefix(name) for line in metrics.splitlines() if line.startswith(name)))


def test_it_measures_and_serves_what_it_saw(tmp_path, target):
    config = tmp_path / "rollwatch.yml"
    write_config(config, target.url)
    with running_exporter(config) as exporter:
        labels = 'service="api",environment="test",probe="health",kind="http",location="here"'
        wait_for(lambda: f"probe_success{{{labels}}} 1" in exporter.get("/metrics"), "probe_success 1")
        metrics = exporter.get("/metrics")
        assert f'rollwatch_component_up{{{labels},component="database",critical="true"}} 1' in metrics
        assert 'version="1.2.3"' in metrics
        assert 'process_resident_memory_bytes{location="here"}' in metrics
        samples = [line for line in metrics.splitlines() if not line.startswith("#")]
        assert [line for line in samples if 'location="here"' not in line] == []
        assert 'rollwatch_web_requests_total{location="here",handler="/metrics",code="200"}' in metrics
        dashboard = json.loads(exporter.get("/api/monitoring/dashboard"))
        assert dashboard["services"][0]["version"] == "1.2.3"
        assert dashboard["services"][0]["links"] == {"logs_url": "https://logs.example.com/"}
        page = exporter.get("/")
        assert 'aria-label="api/health"' in page
        assert 'href="https://logs.example.com/"' in page
        assert "healthy" in exporter.get("/-/healthy")
        assert "ready" in exporter.get("/-/ready")
        status, _, body = fetch(
            exporter.url + "/debug/probe",
            method="POST",
            headers={"Content-Type": "application/json", "Accept": "text/plain"},
            data=b'{"probe": "api/health"}',
        )
        assert status in {200, 429}, body


def test_a_bad_file_keeps_the_old_one_running_and_a_good_one_takes_over(tmp_path, target):
    config = tmp_path / "rollwatch.yml"
    write_config(config, target.url)
    with running_exporter(config) as exporter:
        wait_for(lambda: "probe_success{" in exporter.get("/metrics"), "a first run")
        config.write_text("environment: test\nservices:\n  api: {probs: {}}\n")
        exporter.process.signal(signal.SIGHUP)
        exporter.process.line_with("event=config_refused")
        assert "probs" in exporter.process.output
        assert 'rollwatch_config_last_reload_successful{location="here"} 0' in exporter.get("/metrics")
        status, _, body = fetch(exporter.url + "/-/reload", method="POST")
        assert (status, b"probs" in body) == (400, True)
        runs = len(target.seen)
        wait_for(lambda: len(target.seen) > runs + 1, "the old probe to go on")
        assert "refused" in exporter.get("/").lower()

        loaded = loaded_at(exporter.get("/metrics"))
        write_config(config, target.url, probe="renamed")
        status, _, _ = fetch(exporter.url + "/-/reload", method="POST")
        assert status == 200
        assert loaded_at(exporter.get("/metrics")) > loaded
        metrics = wait_for(
            lambda: (text := exporter.get("/metrics")) and "probe_success{" in text and text,
            "the new probe's first run",
        )
        assert 'probe="renamed"' in metrics
        assert 'probe="health"' not in metrics
        assert 'rollwatch_config_last_reload_successful{location="here"} 1' in metrics


def test_a_rotated_secret_is_used_without_a_restart_and_shown_nowhere(tmp_path, target):
    config = tmp_path / "rollwatch.yml"
    (tmp_path / "token").write_text("first-secret\n")
    (tmp_path / "token").chmod(0o600)
    write_config(config, target.url, extra=', auth: {bearer: "${file:token}"}')
    with running_exporter(config, "--log.level=debug") as exporter:
        wait_for(lambda: "Bearer first-secret" in target.seen, "a run with the first secret")
        (tmp_path / "token").write_text("second-secret\n")
        wait_for(lambda: "Bearer second-secret" in target.seen, "a run with the second secret")
        (tmp_path / "token").unlink()
        exporter.process.line_with("event=secret_unavailable")
        wait_for(
            lambda: 'reason="secret_unavailable"} 0' not in exporter.get("/metrics"),
            "runs without the secret to be UNKNOWN",
        )
        shown = exporter.get("/metrics") + exporter.get("/") + exporter.get("/api/monitoring/dashboard")
        assert "-secret" not in shown + exporter.process.output


def test_sigterm_ends_it_cleanly_and_at_once(tmp_path, target):
    config = tmp_path / "rollwatch.yml"
    write_config(config, target.url)
    with running_exporter(config) as exporter:
        exporter.process.signal(signal.SIGTERM)
        assert exporter.process.wait() == 0
        assert "Traceback" not in exporter.process.output


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["exporter", "--config.file", "missing.yml"], 2, "missing.yml: there is no such file"),
        (["exporter", "--config.file", "bad.yml"], 2, "bad.yml:2: nonsense"),
        (["exporter", "--config.file", "ok.yml", "--web.listen-address", "nowhere"], 2, "nowhere"),
        (["exporter", "--log.level", "loud"], 2, "'loud'"),
        (["check-config", "ok.yml"], 0, "1 service"),
        (["check-config", "bad.yml"], 2, "bad.yml:2: nonsense"),
        (["check-config"], 2, "Missing argument"),
        (["exportre"], 2, "Did you mean 'exporter'?"),
        (["probe", "api/nothing", "--config.file", "ok.yml"], 2, "there is no probe api/nothing"),
        (["probe", "gopher://x"], 2, "there is no kind of probe for gopher://"),
        (["probe", "db.internal:5432"], 2, "'db.internal:5432' is neither SERVICE/PROBE"),
        (["probe", "--timeout", "2s", "api/health", "--config.file", "ok.yml"], 2, "--timeout is for a URL"),
        (["probe", "http://127.0.0.1:1/"], 1, "http://127.0.0.1:1/ is DOWN (connect_refused)"),
        (["probe", "tcp://127.0.0.1:1"], 1, "connect_refused"),
        (["version"], 0, "rollwatch "),
        (["--help"], 0, "Watch a production from outside"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_the_command_line_says_what_to_do(tmp_path, arguments, code, says):
    write_config(tmp_path / "ok.yml", "http://127.0.0.1:1/")
    (tmp_path / "bad.yml").write_text("environment: test\nnonsense: 1\nservices: {a: {probes: {}}}\n")
    with running([*ROLLWATCH, *arguments], cwd=tmp_path) as process:
        assert process.wait() == code, process.output
        assert says in process.output
        assert "Traceback" not in process.output


def test_a_taken_port_is_said_with_what_to_do(tmp_path, target):
    config = tmp_path / "rollwatch.yml"
    write_config(config, target.url)
    address = f"127.0.0.1:{target.server_port}"
    argv = [*ROLLWATCH, "exporter", "--config.file", str(config), "--web.listen-address", address]
    with running(argv, cwd=tmp_path) as process:
        assert process.wait() == 4
        assert address in process.output
        assert "--web.listen-address" in process.output
        assert "Traceback" not in process.output


def test_probe_explains_one_run_phase_by_phase(tmp_path, target):
    write_config(tmp_path / "rollwatch.yml", target.url)
    for arguments in (["api/health"], [target.url]):
        with running([*ROLLWATCH, "probe", *arguments], cwd=tmp_path) as process:
            assert process.wait() == 0, process.output
            for word in ("UP", "connect", "processing", "transfer", "200", "1.2.3"):
                assert word in process.output, word
    with running([*ROLLWATCH, "probe", "--json", target.url], cwd=tmp_path) as process:
        assert process.wait() == 0
        assert json.loads(process.output)["verdict"] == "up"


def test_a_web_config_is_asked_for_and_a_bad_one_keeps_the_old(tmp_path, target):
    config, web = tmp_path / "rollwatch.yml", tmp_path / "web.yml"
    write_config(config, target.url)
    digest = hashlib.sha256(b"reader").hexdigest()
    web.write_text(f"tokens:\n  - {{name: prometheus, role: read, sha256: {digest}}}\n")
    with running_exporter(config, "--web.config.file", str(web)) as exporter:
        assert fetch(exporter.url + "/metrics")[0] == 401
        token = {"Authorization": "Bearer reader"}
        status, _, body = fetch(exporter.url + "/metrics", headers=token)
        assert status == 200
        assert b'rollwatch_web_config_last_reload_successful{location="here"} 1' in body
        assert fetch(exporter.url + "/-/reload", method="POST", headers=token)[0] == 403
        web.write_text("tokns: []\n")
        wait_for(
            lambda: (
                b'reload_successful{location="here"} 0' in fetch(exporter.url + "/metrics", headers=token)[2]
            ),
            "the refused web config to show",
        )
        assert fetch(exporter.url + "/metrics")[0] == 401
        health = json.loads(fetch(exporter.url + "/health", headers=token)[2])
        assert health["checks"]["web_configuration"]["status"] == "down"


def test_a_bad_web_config_of_the_ingest_listener_is_seen_by_its_operators(tmp_path, target):
    config, web = tmp_path / "rollwatch.yml", tmp_path / "ingest-web.yml"
    write_config(config, target.url)
    web.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    arguments = ("--web.ingest-address", "127.0.0.1:0", "--web.ingest-config.file", str(web))
    with running_exporter(config, *arguments) as exporter:
        assert 'rollwatch_web_config_last_reload_successful{location="here"} 1' in exporter.get("/metrics")
        web.write_text("tokns: []\n")
        wait_for(
            lambda: 'web_config_last_reload_successful{location="here"} 0' in exporter.get("/metrics"),
            "the refused web config to show",
        )
        checks = json.loads(exporter.get("/health"))["checks"]
        assert checks["ingest_web_configuration"]["status"] == "down"
        assert checks["web_configuration"]["status"] == "up"
