"""What the daily summary tells, and that nothing in an alert can break it."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from rollwatch.bridge.alert import MICROSECONDS
from rollwatch.bridge.channels.digest_facts import summary_facts
from rollwatch.bridge.channels.digest_text import summary_letter
from rollwatch.bridge.channels.mail import mail_message
from rollwatch.bridge.storage.records import Seen
from rollwatch.bridge.storage.summaries import Period, SummaryContent
from support.bridge_alerts import alert

if TYPE_CHECKING:
    from rollwatch.bridge.alert import Alert
    from rollwatch.bridge.channels.digest_text import Letter

BERLIN = ZoneInfo("Europe/Berlin")
PERIOD = Period(
    datetime(2025, 11, 25, 7, tzinfo=UTC).timestamp(), datetime(2025, 11, 26, 7, tzinfo=UTC).timestamp()
)


def letter(*happened: Alert, still: tuple[Alert, ...] = (), period: Period = PERIOD) -> Letter:
    seen = [Seen(one, one.happened_at / MICROSECONDS) for one in happened]
    content = SummaryContent(seen, [Seen(one, one.starts_at / MICROSECONDS) for one in still])
    return summary_letter(summary_facts(period, content), "production", BERLIN)


def test_a_day_on_which_nothing_happened_is_told_too() -> None:
    found = letter()
    assert found.subject == "[rollwatch] production: nothing happened"
    assert "From Tue 25 Nov 08:00 to Wed 26 Nov 08:00." in found.text
    assert "nothing happened." in found.html


def test_counts_open_ones_the_longest_and_p3_in_full() -> None:
    down, over = alert(), alert(status="resolved")
    slow = alert("HttpP95High", "api", "P1", starts_at="2025-11-26T05:00:00Z")
    told = alert(
        "ReleaseSeen",
        "web",
        "P3",
        annotations={"summary": "web runs 2.8.1", "description": "It came at 14:02."},
    )
    found = letter(down, over, slow, told, still=(slow,))
    assert found.subject == "[rollwatch] production: 3 alerts fired (1 P0, 1 P1, 1 P3), 1 still open"
    assert (
        "\n\n".join(found.text.split("\n\n")[1:6])
        == """\
Still open
  P1  api HttpP95High  since Wed 26 Nov 06:00 (2 h 0 min)  api is in trouble: HttpP95High

Lasted longest
  2 h 0 min so far  P1  api HttpP95High  api is in trouble: HttpP95High
  9 min             P0  api HealthDown   api is in trouble: HealthDown

By service
  service  P0  P1  P2  P3
  api      1   1   0   0
  web      0   0   0   1

P0 to P2
  Wed 26 Nov 02:02  P0  api HealthDown   lasted 9 min  api is in trouble: HealthDown
  Wed 26 Nov 06:00  P1  api HttpP95High  still open    api is in trouble: HttpP95High

P3
  Wed 26 Nov 02:02  web ReleaseSeen  web runs 2.8.1. It came at 14:02."""
    )


def test_an_alert_whose_end_nobody_told_is_not_called_open() -> None:
    found = letter(alert())
    assert "end not told" in found.text
    assert "Still open" not in found.text
    assert "Lasted longest" not in found.text


def test_an_end_of_what_began_the_day_before_is_told_with_how_long_it_lasted() -> None:
    over = alert(status="resolved", starts_at="2025-11-24T01:02:03Z", ends_at="2025-11-25T12:02:03Z")
    found = letter(over)
    assert found.subject == "[rollwatch] production: no alert fired, 0 still open"
    assert "lasted 1 d 11 h" in found.text


def test_test_alerts_are_only_counted() -> None:
    found = letter(alert("TestAlert", test="true"))
    assert "1 test alert came through." in found.text
    assert "TestAlert" not in found.text


def test_a_flood_is_bounded() -> None:
    found = letter(*(alert(f"Alert{n}", "api", "P3", fingerprint=f"{n:016x}") for n in range(5000)))
    assert "and 4800 more" in found.text
    assert len(found.text) < 100_000


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


@given(
    st.text(max_size=300),
    st.text(max_size=100),
    st.sampled_from(
        ["<script>alert(1)</script>", "</td><img src=x onerror=y>", "\r\nBcc: all@example.com", ""]
    ),
)
def test_no_label_gets_out_of_its_place(summary: str, service: str, attack: str) -> None:
    odd = alert(
        "Odd" + attack,
        service + attack,
        "P3",
        annotations={"summary": attack + summary, "description": attack},
    )
    found = letter(odd, still=(odd,))
    tags = _Tags()
    tags.feed(found.html)
    assert tags.seen <= {
        "html",
        "head",
        "meta",
        "style",
        "body",
        "p",
        "b",
        "br",
        "h2",
        "table",
        "tr",
        "td",
        "th",
        "small",
    }
    message = mail_message(
        found._replace(subject=f"{attack}{summary}"),
        sender="rollwatch@example.com",
        to=["a@example.com", "b@example.com"],
        date=datetime.fromtimestamp(PERIOD.until, BERLIN),
        number="summary.x",
    )
    head, _, _ = message.as_bytes().partition(b"\r\n\r\n")
    names = [
        line.split(b":")[0].lower() for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))
    ]
    assert sorted(names) == sorted(
        [
            b"subject",
            b"from",
            b"to",
            b"date",
            b"message-id",
            b"auto-submitted",
            b"mime-version",
            b"content-type",
        ]
    )


def test_a_summary_over_several_days_says_so() -> None:
    found = letter(period=Period(PERIOD.since - 2 * 86_400, PERIOD.until))
    assert "From Sun 23 Nov 08:00 to Wed 26 Nov 08:00." in found.text
