"""What `rollwatch probe URL` makes of a URL."""

import pytest

from rollwatch.cli.adhoc import adhoc_probe
from rollwatch.errors import UsageError
from rollwatch.probers import discover

KINDS = discover()
SPECS = {name: kind.spec for name, kind in KINDS.items()}


@pytest.mark.parametrize(
    ("url", "kind", "target"),
    [
        ("https://example.com/health", "http", "https://example.com/health"),
        ("HTTP://example.com/", "http", "http://example.com/"),
        ("wss://example.com/feed", "websocket", "wss://example.com/feed"),
        ("tcp://db.internal:5432", "tcp", "tcp://db.internal:5432"),
        ("tls://example.com:443/", "tls", "tls://example.com:443"),
        ("dns://127.0.0.1/example.com?MX", "dns", "example.com. MX at 127.0.0.1:53"),
        ("dns://127.0.0.1:5353/example.com", "dns", "example.com. A at 127.0.0.1:5353"),
        ("dns://[::1]/example.com", "dns", "example.com. A at [::1]:53"),
        ("dns:///example.com", "dns", "example.com. A at this host's resolvers"),
    ],
)
def test_each_scheme_is_a_kind(url, kind, target):
    definition = adhoc_probe(url, "2s", SPECS)
    assert definition.kind == kind
    assert definition.spec.timeout == 2
    assert KINDS[kind].target(definition.spec) == target


@pytest.mark.parametrize(
    ("url", "timeout", "says"),
    [
        ("gopher://x", "5s", "no kind of probe for gopher://"),
        ("tcp://db.internal", "5s", "host:port"),
        ("http://", "5s", "url: "),
        ("https://example.com/", "soon", "timeout: "),
        ("https://example.com/", "400s", "timeout: "),
        ("dns://127.0.0.1:dns/example.com", "5s", "server"),
    ],
)
def test_what_can_not_be_probed_is_said(url, timeout, says):
    with pytest.raises(UsageError) as error:
        adhoc_probe(url, timeout, SPECS)
    assert says in str(error.value)
