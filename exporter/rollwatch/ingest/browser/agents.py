"""Which browser a user agent is: one of few names and a major version.

ua-parser knows thousands of families, but takes milliseconds for each agent that is new to it.
"""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["OTHER", "Family", "browser_of"]

OTHER = "other"
_LIMIT = 512
"""Characters of a user agent that are looked at; browsers send 70 to 250."""
_PRODUCT = re.compile(r"\b([A-Za-z]{1,20})/([0-9]{1,3})(?![0-9])", re.ASCII)
# In small letters. Programs, and browsers inside of applications: what happens there is not the browser's.
_NO_BROWSER = (
    "bot", "crawl", "spider", "headless", "lighthouse", "pagespeed", "preview", "monitor", "electron/",
    "; wv)", "fban/", "fbav/", "instagram", "facebookexternalhit", "gsa/", "webview",
)  # fmt: skip
# Browsers that also call themselves Chrome, Firefox or Safari.
_OTHERS = frozenset(
    {
        "CriOS", "DuckDuckGo", "Edge", "EdgiOS", "FxiOS", "HuaweiBrowser", "MiuiBrowser", "OPT", "OPX",
        "OPiOS", "PaleMoon", "SeaMonkey", "Seamonkey", "Silk", "UCBrowser", "Vivaldi", "Whale", "YaBrowser",
    }
)  # fmt: skip


class Family(StrEnum):
    """The browsers that are told apart."""

    CHROME = "Chrome"
    EDGE = "Edge"
    FIREFOX = "Firefox"
    OPERA = "Opera"
    SAFARI = "Safari"
    SAMSUNG_INTERNET = "Samsung Internet"


# The first that is there decides: those that derive from Chrome name it, too.
_FAMILY_OF = {
    "Edg": Family.EDGE,
    "EdgA": Family.EDGE,
    "OPR": Family.OPERA,
    "SamsungBrowser": Family.SAMSUNG_INTERNET,
    "Firefox": Family.FIREFOX,
    "Chrome": Family.CHROME,
}


def browser_of(user_agent: str) -> str:
    """`Chrome 131`: a Family and the major version; `other` for anything else.

    That is also every browser on iOS but Safari, and whatever is no browser that a person uses.
    """
    agent = user_agent[:_LIMIT]
    small = agent.lower().replace("cubot", "")  # makes phones
    if any(word in small for word in _NO_BROWSER):
        return OTHER
    versions = {product: int(version) for product, version in _PRODUCT.findall(agent)}
    if not _OTHERS.isdisjoint(versions):
        return OTHER
    for product, family in _FAMILY_OF.items():
        if product in versions:
            return f"{family} {versions[product]}"
    # Safari writes its version elsewhere. So do others made of WebKit, but not on Apple's systems.
    if "Safari" in versions and "Version" in versions and "mac os x" in small:
        return f"{Family.SAFARI} {versions['Version']}"
    return OTHER
