"""Browsers by their user agents."""

from __future__ import annotations

import pytest

from rollwatch.ingest.browser.agents import browser_of

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        (f"{WINDOWS} Chrome/131.0.0.0 Safari/537.36", "Chrome 131"),
        (f"{ANDROID} Chrome/131.0.0.0 Mobile Safari/537.36", "Chrome 131"),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT_X19) Chrome/131.0.0.0 Mobile Safari/537.36", "Chrome 131"),
        (f"{WINDOWS} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", "Edge 131"),
        (f"{ANDROID} Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0", "Edge 131"),
        (f"{WINDOWS} Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0", "Opera 115"),
        (f"{ANDROID} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36", "Samsung Internet 27"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox 133"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0", "Firefox 133"),
        (f"{MAC} Version/18.1 Safari/605.1.15", "Safari 18"),
        (f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1", "Safari 18"),
    ],
)  # fmt: skip
def test_a_browser_is_known_with_its_major_version(agent: str, browser: str) -> None:
    assert browser_of(agent) == browser


@pytest.mark.parametrize(
    "agent",
    [
        f"{IPHONE} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
        f"{IPHONE} FxiOS/133.0 Mobile/15E148 Safari/605.1.15",
        f"{IPHONE} Version/18.0 EdgiOS/131.0.2903.68 Mobile/15E148 Safari/604.1",
        f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/490.0]",
        f"{IPHONE} Mobile/15E148",
        f"{ANDROID} Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36; wv)",
        "Mozilla/5.0 (Linux; Android 14; SM-S911B; wv) Version/4.0 Chrome/131.0 Mobile Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0 Safari/537.36",
        f"{WINDOWS} Chrome/18.17763 Safari/537.36 Edge/18.17763",
        f"{WINDOWS} Chrome/120.0 YaBrowser/24.1 Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15",
        "curl/8.5.0",
        "Chrome/1234567",
        "Chrome/",
        "",
        " " * 512 + "Chrome/131",
        "\ud800",
    ],
)  # fmt: skip
def test_everything_else_is_other(agent: str) -> None:
    assert browser_of(agent) == "other"
