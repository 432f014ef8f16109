"""What `--set` may say, and what it is told where it says something else."""

from __future__ import annotations

import pytest

from rollwatch.bundle.choices import parse_choices, seconds
from rollwatch.bundle.settings import Settings
from rollwatch.errors import UsageError


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("1y", 31_536_000),
        ("1m500ms", 60.5),
        ("0s", 0),
        ("", None),
        ("5", None),
        ("5 m", None),
        ("1.5h", None),
        ("30m1h", None),
        ("-5m", None),
        ("5M", None),
    ],
)
def test_durations_are_those_of_prometheus(duration: str, expected: float | None) -> None:
    assert seconds(duration) == expected


def test_nothing_said_is_the_shipped_bundle() -> None:
    assert parse_choices([]) == Settings()


def test_everything_can_be_said() -> None:
    settings = parse_choices(
        [
            "window=10m",
            "scrape_interval=5s",
            "evaluation_interval=10s",
            "exporter_job=rollwatch/eu-1",
            "grafana_url=https://grafana.example.com/sub/",
            "runbooks_url=https://wiki.example.com/runbooks",
            "business_hours_from=7",
            "business_hours_to=24",
            "for.HealthDown=2m",
            "for.HealthUndecided=0s",
        ]
    )

    assert settings == Settings(
        window="10m",
        scrape_interval="5s",
        evaluation_interval="10s",
        exporter_job="rollwatch/eu-1",
        grafana_url="https://grafana.example.com/sub",
        runbooks_url="https://wiki.example.com/runbooks",
        business_hours_from=7,
        business_hours_to=24,
        holds={"HealthDown": "2m", "HealthUndecided": "0s"},
    )


@pytest.mark.parametrize(
    "said",
    [
        ["window=60s"],
        ["window=20s", "scrape_interval=5s"],
        ["window=2m", "scrape_interval=30s"],
        ["evaluation_interval=1m"],
    ],
)
def test_what_just_fits_is_taken(said: list[str]) -> None:
    assert parse_choices(said) != Settings()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["window"], "--set window: write it like --set window=10m"),
        (["windw=10m"], "--set windw=10m: 'windw' can't be set. Did you mean 'window'?"),
        (["holds=5m"], "--set holds=5m: 'holds' can't be set. Known here: business_hours_from, "),
        (["for.HealthDwn=1m"], "there is no alert 'HealthDwn'. Did you mean 'HealthDown'?"),
        (["for.healthdown=1m"], "there is no alert 'healthdown'. Did you mean 'HealthDown'?"),
        (["for.Zzz=1m"], "there is no alert 'Zzz'. docs/alerts.md lists all."),
        (["for.HealthDown=soon"], "'soon' is no duration. Write it like 0s, 90s, 5m or 1h30m"),
        (["window=10m", "window=10m"], "'window' is given twice; remove one"),
        (["for.HealthDown=1m", "for.HealthDown=2m"], "'for.HealthDown' is given twice; remove one"),
        (["window=0s"], "'0s' is no duration above 0. Write it like 15s, 5m or 1h30m"),
        (["scrape_interval=15"], "'15' is no duration above 0"),
        (["window=59s"], "4 scrapes, 15s apart, must be in it"),
        (["window=1m", "scrape_interval=20s"], "Write at least 80s"),
        (["window=10m", "scrape_interval=31s"], "Write at most 30s"),
        (["evaluation_interval=2m"], "alerts would come too late. Write at most 60s"),
        (['exporter_job=a"b'], "is no name of a job"),
        (["exporter_job="], "is no name of a job"),
        (
            ["grafana_url=grafana.example.com"],
            "that is no address. Write it like https://grafana.example.com",
        ),
        (["grafana_url=https://user:pw@grafana.example.com"], "that is no address"),
        (["runbooks_url=https://wiki.example.com/{{ x }}"], "that is no address"),
        (["runbooks_url=https://wiki.example.com/?a=b"], "that is no address"),
        (["business_hours_from=25"], "'25' is no hour of the day. Write 0 to 24, in UTC"),
        (["business_hours_to=5pm"], "'5pm' is no hour of the day"),
        (["business_hours_from=17"], "business hours from 17 to 17 are none. Write the earlier hour first"),
    ],
)
def test_everything_else_is_told_what_to_write(said: list[str], message: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_choices(said)

    assert message in str(refusal.value)
