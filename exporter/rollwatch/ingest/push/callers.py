"""For which service a push is, given whom its sender may push for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollwatch.ingest.push.outcomes import Unread
from rollwatch.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollwatch.config.push import PushSpec

__all__ = ["Caller", "by_origin", "origin_not_allowed", "unauthorized"]


class Caller(NamedTuple):
    """Who pushes: by a token, or from a page of an allowed origin."""

    services: tuple[str, ...]
    """Those it may push for; one at least."""
    is_browser: bool

    def certain(self, query: str | None) -> str | None:
        """The service, if it is known without the document. Raises Refusal 403 if `query` names another."""
        if query is not None:
            return self._allowed(query)
        return self.services[0] if len(self.services) == 1 else None

    def service(self, named: object) -> str:
        """The service, given what the document says it is. Raises Refusal 400 or 403."""
        if isinstance(named, str) and named:
            return self._allowed(named)
        raise Refusal(
            400,
            Unread.SERVICE_UNNAMED,
            "More than one service can be meant here.",
            'Name it: add ?service=NAME to the address, or "service" to the document.',
        )

    def agree(self, service: str, named: str | None) -> None:
        """Raise Refusal 403 if the document names another service than the one it is taken for."""
        if named not in {None, service}:
            raise self._not_allowed()

    def _allowed(self, named: str) -> str:
        if named not in self.services:
            raise self._not_allowed()
        return named

    def _not_allowed(self) -> Refusal:
        if self.is_browser:
            return origin_not_allowed()
        return Refusal(
            403,
            Unread.SERVICE_NOT_ALLOWED,
            "This token is not one of the service that is named.",
            "Correct the name of the service, or use its own token (services.NAME.push.token).",
        )


def by_origin(origin: str, specs: Mapping[str, PushSpec]) -> tuple[str, ...]:
    """The services that pages of `origin` may push for."""
    return tuple(service for service, spec in specs.items() if origin in spec.origins)


def origin_not_allowed() -> Refusal:
    """For pages that may not push, or not for the service they name."""
    return Refusal(
        403,
        Unread.ORIGIN_NOT_ALLOWED,
        "Pages of this origin may not push for this service.",
        "List the origin under services.NAME.push.origins.",
    )


def unauthorized() -> Refusal:
    """For everybody without a token that is known: the same, whether there was one."""
    return Refusal(
        401,
        Unread.UNAUTHORIZED,
        "This needs a token that is known here.",
        "Send Authorization: Bearer with a token of services.NAME.push.",
        headers={"WWW-Authenticate": 'Bearer realm="rollwatch"'},
    )
