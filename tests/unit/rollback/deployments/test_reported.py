"""What CI reports is checked before anything of it is kept."""

import json

import pytest

from rollwatch.rollback.deployments.naming import named
from rollwatch.rollback.deployments.reported import BODY_MAX, BadReport, Reported, read_report
from rollwatch.rollback.model.release import Release
from rollwatch.rollback.model.words import DeploymentState

NOW = 1_780_000_000.0
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def read(body, **changes):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_report(
        raw, **({"services": {"api", "web"}, "environment": "production", "now": NOW} | changes)
    )


def a_report(**changes):
    return {"service": "api", "state": "finished", "version": "1.5.0"} | changes


def test_a_whole_report():
    body = a_report(
        environment="production",
        state="started",
        commit=COMMIT.upper(),
        platform_id="dep/7@eu:1",
        migration=True,
        committed_at="2026-05-28T21:26:40+02:00",
        at="2026-05-28T20:26:30.5Z",
        id="run-17",
    )
    release = Release("api", "production", COMMIT, "1.5.0", "dep/7@eu:1")
    assert read(body) == Reported(release, DeploymentState.STARTED, NOW - 9.5, True, NOW - 3600, "run-17")


def test_the_least_that_is_a_report():
    release = Release("api", "production", None, "1.5.0", None)
    assert read(a_report()) == Reported(release, DeploymentState.FINISHED, NOW, False, None, None)


@pytest.mark.parametrize(
    ("at", "believed"),
    [(NOW - 60, NOW - 60), (int(NOW), NOW), (NOW + 59, NOW), ("2026-05-28T20:27:00+00:00", NOW)],
)
def test_a_clock_that_is_a_little_ahead_is_forgiven(at, believed):
    assert read(a_report(at=at)).at == believed


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "done"}, "Send started, finished or failed."),
        ({"state": None}, "Send started, finished or failed."),
        ({"version": None}, "does not say which release"),
        ({"commit": "0123456"}, "Send the whole SHA"),
        ({"commit": COMMIT + "\n"}, "Send the whole SHA"),
        ({"commit": "HEAD" + COMMIT[4:]}, "Send the whole SHA"),
        ({"version": "--upload-pack=x"}, "version can't be used"),
        ({"version": "-rf"}, "no hyphen at the beginning"),
        ({"version": "1.5.0; rm -rf /"}, "version can't be used"),
        ({"version": "$(reboot)"}, "version can't be used"),
        ({"version": "1.5\x00"}, "version can't be used"),
        ({"version": "1.5\n"}, "version can't be used"),
        ({"version": ""}, "version can't be used"),
        ({"version": "v" * 129}, "version can't be used"),
        ({"version": 1.5}, "version can't be used"),
        ({"version": "1.5-ü"}, "version can't be used"),
        ({"platform_id": ["x"]}, "platform_id can't be used"),
        ({"migration": "yes"}, "Send true or false."),
        ({"migration": 1}, "Send true or false."),
        ({"migrations": True}, "migrations is no key of a report. Keys are service, environment,"),
        ({"<script>": 1}, "<script> is no key"),
        ({"at": NOW + 61}, "at is in the future."),
        ({"at": NOW * 1000}, "at can't be used"),
        ({"at": 0}, "at is more than 400 days ago."),
        ({"at": "2026-05-28T20:26:30"}, "Send RFC 3339 with a zone"),
        ({"at": "yesterday"}, "Send RFC 3339 with a zone"),
        ({"at": True}, "at can't be used"),
        ({"committed_at": NOW + 61}, "committed_at is in the future."),
        ({"environment": "staging"}, "another environment"),
        ({"service": "billing"}, "without a rollback section"),
        ({"service": "api\x00"}, "service can't be used"),
        ({"id": "a b"}, "id can't be used"),
    ],
)
def test_what_can_not_be_used_is_refused_with_what_to_send(changes, says):
    with pytest.raises(BadReport) as refused:
        read(a_report(**changes))
    assert says in str(refused.value)
    assert str(refused.value).isprintable()
    assert "reboot" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[1]", "no JSON object"),
        (b"null", "no JSON object"),
        (b'{"service": "api", "at": NaN}', "no JSON"),
        (b"[" * 5000, "no JSON"),
        (b"{}", "service is missing"),
        (b" " * (BODY_MAX + 1), "more than 16 KiB"),
    ],
)
def test_what_is_no_report(body, says):
    with pytest.raises(BadReport, match=says):
        read(body)


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ({"version": "1.0"}, (None, "1.0", None)),
        ({"version": "-1.0", "commit": COMMIT.upper()}, (COMMIT, None, None)),
        ({"version": "1.0\n", "platform_id": "p"}, (None, None, "p")),
        ({"commit": COMMIT[:12], "version": ""}, None),
    ],
)
def test_names_that_are_not_fit_are_left_out(names, kept):
    found = named("api", "production", **names)
    assert found == (None if kept is None else Release("api", "production", *kept))
