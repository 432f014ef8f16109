"""What the file may say about a websocket probe, and what it gets told when it says something else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rollwatch.probers._ws_watch import WatchProber
from rollwatch.probers.contract import Background, ProbeEnv
from rollwatch.probers.websocket import KIND, ConnectProber
from support.ws_probing import make_spec

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an http URL": ({"url": "http://x/"}, "must begin with ws:// or wss://"),
    "freshness in mode connect": ({"stale_after": "30s"}, "applies to mode watch only"),
    "channels in mode connect": ({"channels": {"a": "b"}}, "applies to mode watch only"),
    "pings in mode connect": ({"ping": {}}, "applies to mode watch only"),
    "TLS options without TLS": ({"tls": {}}, "applies to wss only"),
    "an expectation of nothing": ({"expect": {"within": "1s"}}, "says nothing about the message"),
    "waiting longer than a run": ({"expect": {"text": "x", "within": "6s"}}, "longer than the timeout"),
    "an expression that is none": ({"expect": {"json": "a =="}}, "no JMESPath expression"),
    "a pattern that is none": ({"expect": {"regex": "("}}, "no regular expression"),
    "a channel named all": ({"mode": "watch", "channels": {"all": "a"}}, "stands for every message"),
    "a header of the protocol": ({"headers": {"Sec-WebSocket-Key": "x"}}, "set by the protocol"),
    "the Host header": ({"headers": {"host": "x"}}, "set by the protocol"),
    "credentials twice": (
        {"headers": {"authorization": "x"}, "auth": {"bearer": "y"}},
        "stands beside a header Authorization",
    ),
    "TLS to the proxy": ({"proxy": "https://proxy:1"}, "must be an http:// URL"),
    "pings that overlap": ({"mode": "watch", "ping": {"every": "5s", "timeout": "6s"}}, "longer than every"),
    "a subprotocol that is no token": ({"subprotocols": ["a b"]}, "pattern"),
    "an unknown mode": ({"mode": "listen"}, "'connect' or 'watch'"),
    "an unknown key": ({"follow_redirects": True}, "Extra inputs"),
    "no message at all": ({"message_limit": "0B"}, "greater than or equal to 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told(case: str) -> None:
    said, words = WRONG[case]
    with pytest.raises(ValidationError) as error:
        make_spec(1, **said)
    assert words in str(error.value)


def test_the_example_of_the_design_is_understood() -> None:
    spec = make_spec(
        0,
        url="wss://api.example.com/feed",
        mode="watch",
        send='{"op":"subscribe","ch":"BTC"}',
        expect={"json": "type == 'tick'", "within": "5s"},
        stale_after="30s",
    )
    assert [text.render() for text in spec.send] == ['{"op":"subscribe","ch":"BTC"}']
    assert spec.stale_after == 30


def test_equal_texts_make_equal_specs_so_that_a_reload_keeps_a_session() -> None:
    said: dict[str, Any] = {"mode": "watch", "channels": {"a": "b"}, "expect": {"regex": "x"}, "send": ["1"]}
    assert make_spec(1, **said) == make_spec(1, **said)
    assert make_spec(1, **said) != make_spec(1, **{**said, "send": ["2"]})


def test_only_a_watching_prober_lives_between_runs() -> None:
    env = ProbeEnv(clock=None, rng=lambda: 0.0, user_agent="x")  # type: ignore[arg-type]
    connecting = KIND.build(make_spec(1), env)
    watching = KIND.build(make_spec(1, mode="watch"), env)
    assert isinstance(connecting, ConnectProber)
    assert not isinstance(connecting, Background)
    assert isinstance(watching, WatchProber)
    assert isinstance(watching, Background)


def test_the_target_is_shown_without_what_is_secret() -> None:
    spec = make_spec(1, url="wss://user:p4ss@api.example.com/feed?token=t0ken")
    assert KIND.target(spec) == "wss://***@api.example.com/feed?token=***"
