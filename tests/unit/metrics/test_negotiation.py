"""Every scraper gets a format it can read, and Prometheus the one it likes best."""

from __future__ import annotations

import pytest

from rollwatch.metrics.exposition import ContentType, accepts_gzip, negotiate

TEXT, OPENMETRICS = ContentType.TEXT, ContentType.OPENMETRICS

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_2_42_WITHOUT_OPENMETRICS = "text/plain;version=0.0.4;q=1,*/*;q=0.1"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_NATIVE_HISTOGRAMS = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
    + PROMETHEUS_3
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, TEXT),
        ("", TEXT),
        ("*/*", TEXT),
        (PROMETHEUS_2_42, OPENMETRICS),
        (PROMETHEUS_2_42_WITHOUT_OPENMETRICS, TEXT),
        (PROMETHEUS_3, OPENMETRICS),
        (PROMETHEUS_3_NATIVE_HISTOGRAMS, OPENMETRICS),
        (BROWSER, TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text ; Version=1.0.0 ; Charset=UTF-8", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"', OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=0.1,text/plain;q=0.2", TEXT),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.2", OPENMETRICS),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.1,*/*;q=0.9", OPENMETRICS),
        ("application/openmetrics-text;q=0.5,text/*;q=0.9", TEXT),
        ("text/plain;q=0", TEXT),
        ("image/png", TEXT),
        ("application/openmetrics-text;q=high", TEXT),
        ("application/openmetrics-text;q=nan", TEXT),
        ("application/openmetrics-text;q=7", TEXT),
        (";;,=,;q=1,application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version", TEXT),
    ],
)
def test_the_format_follows_what_is_accepted(accept: str | None, expected: ContentType) -> None:
    assert negotiate(accept) is expected


def test_the_content_type_says_version_and_charset() -> None:
    assert TEXT.value == "text/plain; version=0.0.4; charset=utf-8"
    assert OPENMETRICS.value == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert [kind.is_openmetrics for kind in (TEXT, OPENMETRICS)] == [False, True]


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("br, zstd", False),
        ("gzip;q=x", False),
    ],
)
def test_gzip_is_given_only_when_asked_for(accept_encoding: str | None, expected: bool) -> None:
    assert accepts_gzip(accept_encoding) is expected
