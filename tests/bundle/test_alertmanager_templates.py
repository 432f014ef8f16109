"""What people read: messages of one, of several and of odd alerts, as `amtool template render` writes them.

Run with UPDATE_GOLDEN=1 to write alertmanager/tests/golden/ anew, and look at the difference.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.alertmanager import amtool

ROOT = Path(__file__).parents[2] / "alertmanager"
GOLDEN = ROOT / "tests" / "golden"
TEMPLATES = sorted((ROOT / "templates").glob("*.tmpl"))
RECEIVERS = {
    receiver["name"]: receiver
    for receiver in yaml.safe_load((ROOT / "alertmanager.yml").read_text("utf-8"))["receivers"]
}
SLACK = RECEIVERS["slack"]["slack_configs"][0]
EMAIL = RECEIVERS["email"]["email_configs"][0]
PAGERDUTY = RECEIVERS["pagerduty"]["pagerduty_configs"][0]
LONG = "x" * 2500 + "ü" * 2500
ODD = (
    """"quoted" 'too' <!channel> <https://evil.example|click> & <script>alert(1)</script> *b* _i_ ~s~ `c`"""
    " {{ .Labels }} 🧨 👩‍👩‍👧\n✅ Resolved P0: faked\r\n\x07"
)
"""A value that tries everything; U+202E would turn the rest of the line around."""
TURNED = "abc\u202edef"


def _alert(name: str, status: str = "firing", **changes: Any) -> dict[str, Any]:
    labels = {
        "alertname": name,
        "service": "api",
        "environment": "production",
        "priority": "P0",
        "severity": "critical",
    }
    annotations = {
        "summary": f"api is in trouble: {name} (production)",
        "description": "12% of the requests fail, above 5%. Users see errors.",
        "metric": "service:http_5xx:ratio",
        "value": "12%",
        "threshold": "5%",
        "runbook_url": f"https://runbooks.example/{name}.md",
        "dashboard_url": "http://grafana.example:3000/d/rollwatch-application?var-service=api&var-environment=p",
        "logs_url": "https://logs.example/explore?service=api&level=error",
    }
    ended = "2026-01-02T03:14:05Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status,
        "labels": labels | changes.get("labels", {}),
        "annotations": annotations | changes.get("annotations", {}),
        "startsAt": "2026-01-02T03:04:05.678Z",
        "endsAt": ended,
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up+%3C+1&g0.tab=1",
        "fingerprint": "0",
    }


def _bare(name: str) -> dict[str, Any]:
    """Of rules that are not ours."""
    return _alert(name) | {"labels": {"alertname": name}, "annotations": {}, "generatorURL": ""}


def _long(at: int) -> dict[str, Any]:
    links = dict.fromkeys(("runbook_url", "dashboard_url", "logs_url"), f"https://a.example/{'y' * 1900}")
    texts = dict.fromkeys(("summary", "description", "metric", "value", "threshold"), LONG)
    return _alert(f"Long{at}", annotations=texts | links, labels={"a": LONG})


CASES: dict[str, list[dict[str, Any]]] = {
    "one": [_alert("HttpErrorsHigh")],
    "resolved": [_alert("HttpErrorsHigh", "resolved", labels={"priority": "P1", "severity": "warning"})],
    "without-logs": [_alert("HttpErrorsHigh", annotations={"logs_url": ""}, labels={"priority": "P2"})],
    "three": [
        _alert("HttpErrorsHigh"),
        _alert("HealthDown", labels={"probe": "health"}),
        _alert("HttpP95High", "resolved"),
    ],
    "many": [
        *(_alert(f"Firing{at:02}", labels={"service": f"s{at}"}) for at in range(33)),
        *(_alert(f"Resolved{at:02}", "resolved", labels={"service": f"s{at}"}) for at in range(25)),
    ],
    "all-resolved": [_alert("HttpErrorsHigh", "resolved"), _alert("HealthDown", "resolved")],
    "test": [_alert("NotifyTest", labels={"test": "true", "service": "rollwatch", "priority": "P3"})],
    "escalated": [
        _alert("EscalatedP1", labels={"escalation": "P1", "escalated": "HttpErrorsHigh", "priority": "P1"})
    ],
    "bare": [_bare("Theirs")],
    "odd": [
        _alert(
            "Odd",
            labels={"probe": ODD, "turned": TURNED},
            annotations={
                "summary": f"odd {ODD}",
                "description": f"odd {ODD}",
                "metric": TURNED,
                "value": ODD,
                "threshold": ODD,
                "runbook_url": "javascript:alert(1)",
                "dashboard_url": "https://a.example/|evil> <b>\n",
                "logs_url": 'https://a.example/" onmouseover="alert(1)',
            },
        ),
        _alert("Other", annotations={"summary": ODD, "runbook_url": "https://a.example/?a=<b>|c"}),
    ],
    "long": [_long(at) for at in range(60)],
}
ALL = pytest.mark.parametrize("case", CASES)


@pytest.fixture
def render(tmp_path: Path) -> Any:
    """Renders a text of the configuration for the alerts of a case."""

    def run(case: str, text: str, kind: str = "text") -> str:
        data = tmp_path / f"{case}.json"
        data.write_text(json.dumps(_data(CASES[case])), "utf-8")
        found = amtool(
            "template",
            "render",
            f"--template.glob={ROOT}/templates/*.tmpl",
            f"--template.type={kind}",
            f"--template.text={text}",
            f"--template.data={data}",
        )
        assert found.returncode == 0, found.stderr
        return found.stdout

    return run


def _data(alerts: list[dict[str, Any]]) -> dict[str, Any]:
    def common(key: str) -> dict[str, str]:
        shared = set.intersection(*(set(alert[key].items()) for alert in alerts))
        return dict(sorted(shared))

    return {
        "receiver": "people",
        "status": "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "alerts": alerts,
        "groupLabels": {},
        "commonLabels": common("labels"),
        "commonAnnotations": common("annotations"),
        "externalURL": "http://alertmanager.example:9093",
    }


def _fields(config: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every templated text of a receiver, with its place."""
    if isinstance(config, str):
        if "{{" in config:
            yield prefix, config
        return
    items = (
        config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    )
    for key, value in items:
        yield from _fields(value, f"{prefix}.{key}" if prefix else str(key))


def _together(config: Any) -> str:
    """One template of all fields, so that one run of amtool renders them."""
    return "".join(f"--- {name} ---\n{text}\n" for name, text in _fields(config))


def _apart(rendered: str) -> dict[str, str]:
    parts = re.split(r"^--- ([\w.\-]+) ---\n", rendered, flags=re.MULTILINE)[1:]
    return {name: text.rstrip("\n") for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _golden(name: str, text: str) -> None:
    path = GOLDEN / name
    # Lines that end in spaces would be lost to editors.
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).rstrip("\n") + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), "if this is wanted, run the test with UPDATE_GOLDEN=1"


@ALL
def test_slack(case: str, render: Any) -> None:
    rendered = render(case, _together(SLACK))
    if case != "long":
        _golden(f"{case}.slack.txt", rendered)
    fields = _apart(rendered)
    for name in ("title", "text", "fallback"):
        # Nothing but our own links is left that Slack would read as markup.
        rest = re.sub(r"<https?://[^\s<>|\"]+\|(Runbook|Dashboard|Logs|all alerts)>", "", fields[name])
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", rest), rest
    assert "\n" not in fields["title"]
    assert len(fields["title"]) < 400
    assert len(fields["text"]) < 30_000
    links = [text for name, text in fields.items() if name.endswith((".url", "title_link"))]
    assert len(links) == 5
    for link in links:
        assert re.fullmatch(r"https?://[^\s<>|\"]{4,2000}", link), link
    assert re.fullmatch("#[0-9a-f]{6}", fields["color"])
    assert SLACK["mrkdwn_in"] == ["pretext"]
    assert "pretext" not in SLACK


@ALL
def test_mail(case: str, render: Any) -> None:
    plain = render(case, _together({"subject": EMAIL["headers"]["Subject"], "text": EMAIL["text"]}))
    page = render(case, EMAIL["html"], "html")
    if case != "long":
        _golden(f"{case}.email.txt", plain)
    if case not in {"long", "many"}:
        _golden(f"{case}.email.html", page)
    subject = _apart(plain)["subject"]
    assert "\n" not in subject
    assert len(subject) < 400
    found = _Page(page)
    assert found.tags <= {
        *("html", "head", "meta", "title", "body", "div", "h2", "p", "b", "table", "tr", "td", "a")
    }
    assert found.attributes <= {"lang", "charset", "name", "content", "style", "href"}
    for link in found.links:
        assert re.fullmatch(r"https?://[^\s<>|\"]+", link), link
    assert found.is_balanced
    assert len(page) < 500_000


@ALL
def test_pager(case: str, render: Any) -> None:
    rendered = render(case, _together(PAGERDUTY))
    if case != "long":
        _golden(f"{case}.pagerduty.txt", rendered)
    fields = _apart(rendered)
    assert fields["severity"] in {"critical", "error", "warning", "info"}
    assert fields["description"]
    assert len(fields["description"]) <= 1024
    assert len(rendered.encode()) < 512_000
    for name, text in fields.items():
        if name.endswith("href") or name == "client_url":
            assert re.fullmatch(r"https?://[^\s<>|\"]+", text), text


def test_what_people_need_is_in_every_message(render: Any) -> None:
    """N1: mark, title, time, message, metric, threshold, value, and where to go on."""
    slack, mail = render("one", _together(SLACK)), render("one", EMAIL["html"], "html")
    for needed in (
        "🔴",
        "api is in trouble: HttpErrorsHigh (production)",
        "2026-01-02 03:04:05",
        "Users see errors.",
        "service:http_5xx:ratio",
        "5%",
        "12%",
        "https://logs.example/explore?service=api&level=error",
        "http://prometheus.example:9090/graph?g0.expr=up+%3C+1&g0.tab=1",
        "https://runbooks.example/HttpErrorsHigh.md",
        "http://grafana.example:3000/d/rollwatch-application",
    ):
        assert needed in slack, needed
        assert needed in html.unescape(mail), needed


def test_odd_values_can_be_read_as_they_are(render: Any) -> None:
    expected = " ".join(ODD.strip("\x07").split())
    assert expected in html.unescape(_apart(render("odd", _together(SLACK)))["text"])
    assert expected in html.unescape(render("odd", EMAIL["html"], "html"))
    assert expected in render("odd", EMAIL["text"])
    for text in (render("odd", EMAIL["text"]), render("odd", _together(SLACK))):
        assert "\u202e" not in text
        assert "abcdef" in text


def test_a_test_is_marked_as_one(render: Any) -> None:
    for text in (SLACK["title"], SLACK["fallback"], EMAIL["headers"]["Subject"], PAGERDUTY["description"]):
        assert "TEST P3" in render("test", text)
    for text in (SLACK["text"], EMAIL["text"], PAGERDUTY["details"]["firing"]):
        assert "This is a test of the routes. Nothing is wrong." in render("test", text)


def test_what_is_left_out_is_counted(render: Any) -> None:
    text = render("many", SLACK["text"])
    assert text.count("Value: ") == 5
    assert text.count("🔴") == 20
    assert "and 13 more that fire" in text
    assert text.count("✅") == 10
    assert "and 15 more that are resolved" in text


def test_every_template_that_is_named_exists_and_every_one_is_named() -> None:
    """amtool takes a name that nothing defines; the message would fail when it is sent."""
    defined, named = {}, {}
    for path in [ROOT / "alertmanager.yml", *TEMPLATES]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            where = f"{path.relative_to(ROOT.parent)}:{number}"
            for name in re.findall(r'\bdefine "([^"]+)"', line):
                assert name not in defined, f"{where}: {name} is defined in {defined[name]}, too"
                defined[name] = where
            for name in re.findall(r'\btemplate "([^"]+)"', line):
                named[name] = where
    assert len(defined) > 20
    for name, where in named.items():
        assert name in defined, f"{where}: no template is called {name}"
    for name, where in defined.items():
        assert name in named, f"{where}: nothing uses {name}"


def test_templates_use_only_what_0_25_has() -> None:
    known = {
        "match",
        "reReplaceAll",
        "index",
        "or",
        "and",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "len",
        "printf",
        "slice",
    }
    known |= {"if", "else", "end", "with", "range", "define", "template", "Format"}
    for path in TEMPLATES:
        text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        for action in re.findall(r"\{\{-?(.*?)-?\}\}", text, flags=re.DOTALL):
            bare = re.sub(r'"(\\.|[^"\\])*"|[$.][\w.]*|\d+', " ", action)
            words = set(re.findall(r"[A-Za-z]\w*", bare))
            assert words <= known, f"{path.name}: {words - known} in {action}"


class _Page(HTMLParser):
    """What a browser would make of it."""

    _VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.is_balanced = True
        self._open: list[str] = []
        self.feed(text)
        self.is_balanced &= not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.is_balanced &= bool(self._open) and self._open.pop() == tag
