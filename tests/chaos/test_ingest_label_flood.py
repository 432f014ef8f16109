"""A hundred thousand new values for every label that strangers choose, by all ways: few series, few bytes."""

from __future__ import annotations

import http.client
import json
import random
from pathlib import Path

from support.arrivals import BEACON_PATH, ORIGIN, PUSH_PATH, TOKEN, Reception, beacon, config_text, receiving
from support.processes import wait_for
from support.siege import ends_cleanly, http_probe, memory_mib, more_runs, targets

BEACONS = 500
PUSHES = 40
LINES = 20_000
MOST_VALUES = 51
"""Fifty, and `other`."""
GROWTH_MIB = 40
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def _word(rng: random.Random, size: int = 5) -> str:
    """Letters, so that nothing takes it for an id."""
    return rng.randbytes(size).hex().translate(_LETTERS)


def _flood(here: Reception, rng: random.Random) -> None:
    """About 100,000 values that nobody has seen before."""
    connection = http.client.HTTPConnection("127.0.0.1", here.ingest, timeout=30)

    def post(path: str, body: bytes, headers: dict[str, str]) -> None:
        address = f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"
        connection.request("POST", path, body, {**headers, "X-Forwarded-For": address})
        with connection.getresponse() as answer:
            assert answer.status in {200, 204}, answer.read()
            answer.read()

    for _ in range(BEACONS):
        places = [{"path": f"/{_word(rng)}/{_word(rng)}"} for _ in range(44)]
        events = [
            *({"type": "vital", "name": rng.choice(("LCP", "INP")), "value": 1, **place} for place in places),
            *({"type": "view", "path": "/", "route": f"/{_word(rng)}/:id"} for _ in range(4)),
            *(
                {
                    "type": "error", "kind": "error", "name": f"{_word(rng)}Error", "message": _word(rng),
                    "stack": f"at f (https://cdn.example/{_word(rng)}.js:1:2)", "first": True, "path": "/",
                }
                for _ in range(2)
            ),
        ]  # fmt: skip
        body = beacon(*events, session=_word(rng, 10), release=_word(rng))
        post(BEACON_PATH, body, {"Origin": ORIGIN, "User-Agent": f"{_word(rng)}/{rng.randrange(1000)}"})
    for _ in range(PUSHES):
        metrics = [
            *({"name": "orders_total", "labels": {"shop": _word(rng)}, "add": 1} for _ in range(400)),
            *({"name": "orders_total", "labels": {"shop": _word(rng)}, "total": 1} for _ in range(300)),
            *({"name": "queue_length", "labels": {"queue": _word(rng)}, "value": 1} for _ in range(300)),
        ]
        said = {"source": _word(rng), "id": _word(rng, 20), "metrics": metrics}
        post(PUSH_PATH, json.dumps(said).encode(), {"Authorization": f"Bearer {TOKEN}"})
    connection.close()
    here.write(
        *(
            {"message": "request", "path": f"/{_word(rng)}/{_word(rng)}", "status": rng.randrange(100, 600)}
            for _ in range(LINES)
        )
    )


def test_a_flood_of_labels_by_all_ways_is_bounded(tmp_path: Path) -> None:
    with targets() as production:
        (tmp_path / "app.log").touch()
        probes = {"p": http_probe(production.serve().url())}
        with receiving(tmp_path, config_text(probes)) as here:
            rng = random.Random(5)
            more_runs(here.exporter, "p", "ok", runs=1)
            at_rest = here.total("rollwatch_scrape_series")
            _flood(here, rng)
            wait_for(lambda: here.total("rollwatch_http_requests_total") == LINES, "the log to be read")
            series, memory = here.total("rollwatch_scrape_series"), memory_mib(here.pid)
            _flood(here, rng)
            wait_for(lambda: here.total("rollwatch_http_requests_total") == 2 * LINES, "the log to be read")
            after = here.figures()
            assert memory_mib(here.pid) - memory < GROWTH_MIB
            # Not one more than after the first flood, and after that not many.
            assert after.total("rollwatch_scrape_series") == series
            assert series - at_rest < 1500
            for name, label in (
                ("orders_total", "shop"),
                ("queue_length", "queue"),
                ("rollwatch_http_requests_total", "endpoint"),
                ("rollwatch_browser_page_views_total", "route"),
                ("rollwatch_browser_errors_total", "group"),
            ):
                values = {s.labels[label] for s in after.samples if s.name == name}
                declared = {"/stocks/:symbol"} if label == "route" else set()
                assert len(values - declared) == MOST_VALUES, name
            assert after.total("orders_total") == 2 * PUSHES * 400
            assert after.total("rollwatch_browser_all_errors_total") == 2 * BEACONS * 2
            assert after.total("rollwatch_label_folds_total") > 100_000
            ends_cleanly(here.exporter)
