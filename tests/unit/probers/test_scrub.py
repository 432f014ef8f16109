"""Secrets of ours in remote text, whichever way a server writes what it was sent."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from rollwatch.config.template import Template
from rollwatch.probers._scrub import Scrubber, basic_authorization, sent_secrets
from rollwatch.text import clean

SECRET = 's3cr3t/T0ken+"with\\odd<chars>&=é'
SPELLINGS = {
    "as it is": SECRET,
    "in a URL": quote(SECRET),
    "in a query": quote(SECRET, safe=""),
    "in a form": quote_plus(SECRET),
    "in a URL with small hex digits": re.sub("%..", lambda found: found[0].lower(), quote(SECRET)),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in JSON beyond ASCII": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "in HTML": html.escape(SECRET),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_is_taken_out_however_it_is_spelled(spelling: str) -> None:
    assert spelling not in Scrubber([SECRET]).scrub(f"you sent {spelling}!")


@pytest.mark.parametrize("shown", range(4, len(SECRET)))
def test_the_beginning_of_a_secret_before_a_cut_is_taken_out(shown: int) -> None:
    text = clean("you sent " + SECRET * 2, len("you sent ") + shown + 1)
    assert Scrubber([SECRET]).scrub(text) == "you sent ***…"


def test_what_only_resembles_a_secret_stays() -> None:
    scrubber = Scrubber(["hunter22", "abc"])
    for text in ("hunter 22", "hunt… and gather", "abc", "…", "", "huntsman…"):
        assert "hunt" not in text or scrubber.scrub(text) in {text, text.replace("hunt…", "***…")}
    assert scrubber.scrub("abc") == "abc"


@pytest.mark.parametrize(
    "sent",
    [
        "http://user:pass%20word@example.com/",
        basic_authorization("user", "pass word"),
        "basic  " + base64.b64encode(b"user:pass word").decode(),
    ],
)
def test_credentials_are_known_by_what_they_are_made_of_and_made_into(sent: str) -> None:
    scrubber = Scrubber(sent_secrets([Template((sent,), is_hidden=True)], []))
    for echo in ("user:pass word", base64.b64encode(b"user:pass word").decode()):
        assert scrubber.scrub(f"who is {echo} here") == "who is *** here"


def test_text_that_is_no_credentials_is_no_trouble() -> None:
    for sent in ("Basic !!!", "Basic /w==", "x://[@", "Basic"):
        assert list(sent_secrets([Template((sent,), is_hidden=True)], []))
