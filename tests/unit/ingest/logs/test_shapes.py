"""Lines into figures: what each line makes of each shape, and what no line can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from rollwatch.ingest.logs.metrics import LineResult
from support.arriving import Arriving
from support.log_intake import indented, shapes_of, take

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.ingest.logs.shapes import Shapes

TAKEN, PASSED, MALFORMED = LineResult.TAKEN, LineResult.PASSED, LineResult.MALFORMED
REQUESTS = "rollwatch_http_requests_total"
DURATION = "rollwatch_http_request_duration_seconds"
ERRORS = "rollwatch_system_errors_total"
WEBHOOKS = "rollwatch_payment_webhooks_total"
FAULTS = "rollwatch_figure_faults_total"
SEEN = "rollwatch_figure_first_seen_timestamp_seconds"
UPDATED = "rollwatch_figure_last_update_timestamp_seconds"

JSON_REQUESTS = f"""
- figures:
    {REQUESTS}: {{labels: {{endpoint: path, code: status}}}}
    {DURATION}: {{value: ms, scale: 0.001, labels: {{endpoint: path}}}}
"""
WINSTON = f"""
- when: level == 'error'
  figures: {{{ERRORS}: {{labels: {{type: name}}}}}}
- when: message == 'payment webhook failed'
  figures: {{{WEBHOOKS}: {{labels: {{outcome: "'failed'"}}}}}}
"""
NGINX = f"""
- pattern: '"(?:GET|POST) (?P<path>[^ "]+) HTTP/[0-9.]+" (?P<status>[0-9]{{3}}) [0-9]+ (?P<seconds>[0-9.]+)$'
  figures:
    {REQUESTS}: {{labels: {{endpoint: path, code: status}}}}
    {DURATION}: {{value: seconds, labels: {{endpoint: path}}}}
"""


def arriving(tmp_path: Path, lines: str, figures: str = "{}") -> Arriving:
    log = f"logs:\n  app:\n    file: app.log\n    lines:\n{indented(lines, 6)}"
    return Arriving(tmp_path, f"api:\n{indented(f'figures: {figures}', 2)}{indented(log, 2)}")


def test_a_request_log_in_json(tmp_path: Path) -> None:
    api = arriving(tmp_path, JSON_REQUESTS)

    found = take(
        shapes_of(api),
        b'{"path": "/users/42/orders?page=2", "status": 503, "ms": 250}',
        b'{"path": "/users/43/orders", "status": 200, "ms": 1.5}',
        b'{"path": "/health", "status": "204", "ms": "12"}',
    )

    assert found == [TAKEN, TAKEN, TAKEN]
    assert api.shown(REQUESTS) == {
        ("/users/_id/orders", "5xx"): 1,
        ("/users/_id/orders", "2xx"): 1,
        ("/health", "2xx"): 1,
    }
    assert api.shown(f"{DURATION}_sum")["/users/_id/orders",] == pytest.approx(0.2515)
    assert api.shown(f"{DURATION}_count") == {("/users/_id/orders",): 2, ("/health",): 1}
    assert api.shown(f"{DURATION}_bucket")["/users/_id/orders", "0.2"] == 1


def test_errors_by_type_and_when_each_was_first_seen(tmp_path: Path) -> None:
    api = arriving(tmp_path, WINSTON)
    shapes = shapes_of(api)

    assert take(shapes, b'{"level": "info", "message": "listening"}') == [PASSED]
    take(shapes, b'{"level": "error", "name": "DatabaseError", "message": "lost"}')
    first_at = api.clock.wall()
    api.clock.advance(60)
    take(shapes, b'{"level": "error", "name": "DatabaseError", "message": "again"}')
    take(shapes, b'{"level": "error", "name": "RangeError", "message": "new"}')

    assert api.shown(ERRORS) == {("DatabaseError",): 2, ("RangeError",): 1}
    assert api.shown(SEEN) == {
        (ERRORS, "type=DatabaseError"): first_at,
        (ERRORS, "type=RangeError"): first_at + 60,
    }


def test_the_endpoint_is_taken_out_of_the_name_of_a_metric(tmp_path: Path) -> None:
    endpoint = "{value: metric, pattern: '^[A-Z]+_(.*)_duration$'}"
    api = arriving(
        tmp_path,
        f"""
- when: "ends_with(metric, '_duration')"
  figures:
    {REQUESTS}: {{labels: {{endpoint: {endpoint}, code: status}}}}
    {DURATION}: {{value: value, scale: 0.001, labels: {{endpoint: {endpoint}}}}}
""",
    )

    found = take(
        shapes_of(api),
        b'{"metric":"GET_/users_duration","value":12,"status":200,"timestamp":"2025-11-25T10:00:00.000Z"}',
        b'{"metric":"cache_hits","value":3}',
        b'{"value":3}',
    )

    assert found == [TAKEN, PASSED, PASSED]
    assert api.shown(REQUESTS) == {("/users", "2xx"): 1}
    assert api.shown(f"{DURATION}_sum") == {("/users",): 0.012}


def test_lines_of_text_by_named_groups(tmp_path: Path) -> None:
    api = arriving(tmp_path, NGINX)

    found = take(
        shapes_of(api),
        b'127.0.0.1 - - [25/Nov/2025:10:00:00 +0000] "GET /stocks/AAPL?x=1 HTTP/1.1" 200 512 0.012',
        b'127.0.0.1 - - [25/Nov/2025:10:00:01 +0000] "POST /orders/8812733 HTTP/2.0" 502 0 1.500',
        b'127.0.0.1 - - [25/Nov/2025:10:00:01 +0000] "\\x16\\x03\\x01" 400 150 0.000',
        b"",
    )

    assert found == [TAKEN, TAKEN, PASSED, PASSED]
    assert api.shown(REQUESTS) == {("/stocks/AAPL", "2xx"): 1, ("/orders/_id", "5xx"): 1}
    assert api.shown(f"{DURATION}_sum") == {("/stocks/AAPL",): 0.012, ("/orders/_id",): 1.5}


def test_groups_are_text_and_one_that_took_no_part_is_nothing(tmp_path: Path) -> None:
    api = arriving(
        tmp_path,
        """
- pattern: '^job (?P<name>[a-z]+)(?: took (?P<took>[0-9]+) s)?(?: (?P<ended>failed|done))?$'
  when: "ended == 'done' && took != `null`"
  figures: {job_seconds: {value: took, labels: {task: name}}}
- pattern: '^job (?P<name>[a-z]+)'
  figures: {jobs_total: {labels: {task: "join('-', values(@))"}}}
""",
        """
  job_seconds: {type: histogram, help: Jobs., labels: {task: any}}
  jobs_total: {type: counter, help: Jobs., labels: {task: any}}
""",
    )

    assert take(
        shapes_of(api), b"job backup took 12 s done", b"job backup took 3 s failed", b"job mail done", b"jobs"
    ) == [TAKEN, TAKEN, TAKEN, PASSED]

    assert api.shown("job_seconds_sum") == {("backup",): 12}
    assert api.shown("jobs_total") == {("backup",): 2, ("mail",): 1}


def test_every_shape_that_fits_a_line_is_read(tmp_path: Path) -> None:
    api = arriving(
        tmp_path,
        f"{JSON_REQUESTS}{WINSTON}"
        "- {pattern: 'ERROR|error', figures: {alarming_total: {}}}\n"
        "- {when: '`true`', figures: {alarming_total: {add: '`10`'}}}\n",
        "{alarming_total: {type: counter, help: Lines that alarm.}}",
    )

    line = b'{"level": "error", "name": "TypeError", "path": "/cart", "status": 500, "ms": 7}'
    assert take(shapes_of(api), line, b"ERROR in plain text", b"other text") == [TAKEN, TAKEN, MALFORMED]

    assert api.shown(REQUESTS) == {("/cart", "5xx"): 1}
    assert api.shown(ERRORS) == {("TypeError",): 1}
    assert api.shown("alarming_total") == {(): 12}


STACK = [
    b"TypeError: Cannot read properties of undefined (reading 'id')",
    b"    at checkout (/app/src/cart.js:12:9)",
    b"",
    b"}",
    b"null",
    b"42",
    b'"a word"',
    b"\x00\x00\x00",
    b'{"path": "/cart", "status": 200, "ms": NaN}',
    b'{"path": "/cart", "status": 200, "ms": 1e400}',
    b'{"path": "/cart", "status": 200, "ms": ' + b"9" * 400 + b"}",
    b'{"path": "/cart", "status": 200, "ms": 5',
    b'{"path": "\\ud800", "status": 200, "ms": 5}',
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b"[" * 500_000,
]


@pytest.mark.parametrize("line", STACK, ids=lambda line: line[:20])
def test_what_is_no_json_is_malformed_and_feeds_nothing(line: bytes, tmp_path: Path) -> None:
    api = arriving(tmp_path, JSON_REQUESTS)

    assert take(shapes_of(api), line) == [MALFORMED]
    assert api.shown(REQUESTS) == {}
    assert api.shown(FAULTS) == {}


@pytest.mark.parametrize(
    ("ms", "fault"),
    [
        ("-3", "negative"),
        ("-0.001", "negative"),
        ("1" + "0" * 30, "too_large"),
        ("1e300", "too_large"),
        ('"NaN"', "not_a_number"),
        ('"Infinity"', "not_a_number"),
        ('"12 ms"', "not_a_number"),
        ("{}", "not_a_number"),
        ("null", "not_found"),
    ],
)
def test_a_duration_that_is_none_is_a_fault_and_no_observation(ms: str, fault: str, tmp_path: Path) -> None:
    api = arriving(tmp_path, JSON_REQUESTS)
    line = f'{{"path": "/cart", "status": 200, "ms": {ms}}}'.encode()

    assert take(shapes_of(api), line) == [TAKEN]

    assert api.shown(FAULTS) == {("log", fault): 1}
    assert api.shown(f"{DURATION}_count") == {}
    assert api.shown(REQUESTS) == {("/cart", "2xx"): 1}


@pytest.mark.parametrize(
    ("status", "fault"),
    [("777", "label_value"), ('"ok"', "label_value"), ("[200]", "label_missing"), ("null", "label_missing")],
)
def test_a_status_that_is_none_makes_no_series(status: str, fault: str, tmp_path: Path) -> None:
    api = arriving(tmp_path, JSON_REQUESTS)

    take(shapes_of(api), f'{{"path": "/cart", "status": {status}, "ms": 5}}'.encode())

    assert api.shown(REQUESTS) == {}
    assert api.shown(FAULTS) == {("log", fault): 1}


def test_what_is_refused_is_said_once_by_figure_and_fault(tmp_path: Path) -> None:
    shapes = shapes_of(arriving(tmp_path, JSON_REQUESTS))
    with capture_logs() as said:
        for _ in range(3):
            take(shapes, b'{"path": "/cart", "status": 200, "ms": -5}', b'{"path": "/cart", "ms": "soon"}')

    assert {(one["event"], one["log"], one["figure"], one["fault"]) for one in said} == {
        ("log_value_refused", "api/app", DURATION, "negative"),
        ("log_value_refused", "api/app", DURATION, "not_a_number"),
        ("log_value_refused", "api/app", REQUESTS, "label_missing"),
    }
    assert len(said) == 3
    assert "soon" not in repr(said)


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"path": "/cart", "status": 200, "ms": 5, "agent": "\xff\xfe caf\xe9"}'],
        [b'{"path": "/cart", "status": 200, "ms": 5, "agent": "\xc3\xa9"}'],
        [b'{"path": "/cart", "status": 200, "ms": 5, "agent": "\\u0000"}'],
    ],
    ids=["not utf-8", "utf-8", "NUL"],
)
def test_a_client_can_not_hide_its_requests_by_what_it_calls_itself(
    lines: list[bytes], tmp_path: Path
) -> None:
    api = arriving(tmp_path, JSON_REQUESTS)

    assert take(shapes_of(api), *lines) == [TAKEN]
    assert api.shown(REQUESTS) == {("/cart", "2xx"): 1}


def test_nor_in_text(tmp_path: Path) -> None:
    api = arriving(
        tmp_path,
        f"""
- pattern: '^(?P<agent>[^"]*)" "(?P<path>[^"]+)" (?P<status>[0-9]+)$'
  figures: {{{REQUESTS}: {{labels: {{endpoint: path, code: status}}}}}}
""",
    )

    assert take(
        shapes_of(api), b'\xff\xfe\x00" "/cart" 200', b'ok" "/caf\xc3\xa9" 404', b'ok" "/caf\xe9" 404'
    ) == [TAKEN, TAKEN, TAKEN]
    assert api.shown(REQUESTS) == {("/cart", "2xx"): 1, ("/caf_", "4xx"): 2}


def test_a_list_is_a_document_too(tmp_path: Path) -> None:
    api = arriving(tmp_path, f'- figures: {{{REQUESTS}: {{labels: {{endpoint: "[1]", code: "[2]"}}}}}}', "{}")

    assert take(shapes_of(api), b'["2025-11-25", "/cart", 200]', b"[]") == [TAKEN, TAKEN]
    assert api.shown(REQUESTS) == {("/cart", "2xx"): 1}
    assert api.shown(FAULTS) == {("log", "label_missing"): 1}


def test_running_totals_grow_by_what_they_grew_and_start_over(tmp_path: Path) -> None:
    api = arriving(
        tmp_path,
        "- figures: {served_total: {value: served, labels: {pool: pool}}}",
        "{served_total: {type: counter, help: Served., labels: {pool: [a, b]}}}",
    )
    shapes = shapes_of(api)

    def serve(pool: str, *totals: object) -> float:
        take(shapes, *(f'{{"pool": "{pool}", "served": {total}}}'.encode() for total in totals))
        return api.shown("served_total")[pool,]

    assert serve("a", 1000) == 0
    assert serve("a", 1000, 1005, 1007.5) == 7.5
    assert serve("a", 3) == 10.5
    assert serve("b", 7, 9) == 2
    assert serve("a", -1, '"x"', "1e16", 4) == 11.5
    assert api.shown(FAULTS) == {("log", "negative"): 1, ("log", "not_a_number"): 1, ("log", "too_large"): 1}
    # A reload makes the shapes anew; the totals are known still.
    shapes = shapes_of(api)
    assert serve("a", 6) == 13.5


def test_of_a_line_with_very_many_values_the_first_count(tmp_path: Path) -> None:
    api = arriving(tmp_path, JSON_REQUESTS)
    many = ",".join(["1"] * 1500)

    take(shapes_of(api), f'{{"path": "/cart", "status": 200, "ms": [{many}]}}'.encode())

    assert api.shown(REQUESTS) == {("/cart", "2xx"): 1}
    assert api.shown(f"{DURATION}_count") == {("/cart",): 999}
    assert api.shown(FAULTS) == {("log", "too_many"): 1}


def test_gauges_are_what_the_last_line_said(tmp_path: Path) -> None:
    api = arriving(
        tmp_path,
        """
- when: "queue != `null`"
  figures: {queue_length: {value: length, labels: {queue: queue}}, level: level}
""",
        """
  queue_length: {type: gauge, help: Waiting., labels: {queue: any}}
  level: {type: gauge, help: A level.}
""",
    )

    take(
        shapes_of(api),
        b'{"queue": "mail", "length": 12, "level": -3}',
        b'{"queue": "mail", "length": 7, "level": true}',
        b'{"queue": "push", "length": 1, "level": "x"}',
    )

    assert api.shown("queue_length") == {("mail",): 7, ("push",): 1}
    assert api.shown("level") == {(): 1}


def updated(shapes: Shapes, api: Arriving) -> dict[tuple[str, ...], float]:
    shapes.mark_updated()
    return api.shown(UPDATED)


def test_only_figures_that_were_fed_are_up_to_date(tmp_path: Path) -> None:
    api = arriving(tmp_path, f"{JSON_REQUESTS}  when: 'path != `null`'\n{WINSTON}")
    shapes = shapes_of(api)
    assert updated(shapes, api) == {}

    take(shapes, b'{"path": "/cart", "status": 200, "ms": -1}', b'{"level": "info"}')
    first_at = api.clock.wall()
    assert updated(shapes, api) == {(REQUESTS,): first_at}

    api.clock.advance(5)
    take(shapes, b'{"path": "/cart", "ms": 1}')
    assert updated(shapes, api) == {(REQUESTS,): first_at, (DURATION,): first_at + 5}

    api.clock.advance(5)
    assert updated(shapes, api) == {(REQUESTS,): first_at, (DURATION,): first_at + 5}


def test_a_silent_log_makes_what_is_expected_of_it_stale_and_then_expire(tmp_path: Path) -> None:
    api = arriving(
        tmp_path,
        "- figures: {jobs_total: {labels: {task: job}}}",
        "{jobs_total: {type: counter, help: J., labels: {task: any}, stale_after: 1h, expire_after: 2h}}",
    )
    shapes = shapes_of(api)
    take(shapes, b'{"job": "backup"}', b'{"job": "mail"}')
    shapes.mark_updated()

    api.clock.advance(3601)
    assert api.figure("jobs_total").is_stale
    take(shapes, b'{"job": "mail"}')
    shapes.mark_updated()
    assert not api.figure("jobs_total").is_stale

    api.clock.advance(3600)
    assert api.shown("jobs_total") == {("mail",): 2}


def test_a_flood_of_values_makes_a_bounded_number_of_series(tmp_path: Path) -> None:
    api = arriving(tmp_path, f"{JSON_REQUESTS}{WINSTON}")
    shapes = shapes_of(api)

    for number in range(3000):
        line = f'{{"path": "/a{number:x}b/{number}", "status": {200 + number % 300}, "ms": 1, '
        assert shapes.take(f'{line}"level": "error", "name": "E{number}"}}'.encode()) is TAKEN

    assert len(api.shown(ERRORS)) == 51
    assert sum(api.shown(ERRORS).values()) == 3000
    assert len(api.shown(f"{DURATION}_count")) <= 51
    assert sum(api.shown(REQUESTS).values()) == 3000
