"""What the pages show can be loaded, and names every option and metric there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rollwatch.config.load import load_config
from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.config.rules import Deviation, Rule
from rollwatch.config.secrets import SecretStore
from rollwatch.probers import discover
from rollwatch.probers._provider_metrics import PROVIDER_METRICS
from rollwatch.probers._provider_spec import ProviderSpec
from rollwatch.probers.dns import KIND as DNS
from rollwatch.probers.dns import DnsExpect, DnsSpec

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("page", ["probers/provider.md", "probers/dns.md", "host.md"])
def test_the_example_loads_as_it_stands(page: str, tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    file = tmp_path / "rollwatch.yml"
    file.write_text(example)
    kinds = {name: kind.spec for name, kind in discover().items()}
    secrets = SecretStore(tmp_path, {"MASSIVE_TOKEN": "x"})
    config = load_config(file, kinds, secrets=secrets, location=None)
    assert len(config.probes) == example.count("kind:")
    assert config.host.enabled is (page == "host.md")


def options(*specs: type) -> set[str]:
    shared = ProbeSpec.model_fields.keys()
    return {
        field.alias or name
        for spec in specs
        for name, field in spec.model_fields.items()
        if name not in shared
    }


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            "provider.md",
            options(ProviderSpec, Rule, Deviation) | {metric.name for metric in PROVIDER_METRICS},
        ),
        ("dns.md", options(DnsSpec, DnsExpect) | {metric.name for metric in DNS.metrics}),
    ],
)
def test_the_page_names_every_option_and_metric(page: str, words: set[str]) -> None:
    text = (DOCS / "probers" / page).read_text()
    assert {word for word in words if not re.search(rf"\b{word}\b", text)} == set()
