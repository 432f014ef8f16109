"""URLs that are secret as a whole: whoever knows the address of a webhook may use it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rollwatch.config.mistake import mistake
from rollwatch.config.template import SecretText
from rollwatch.config.urls import HttpUrl
from rollwatch.errors import SecretUnavailable

if TYPE_CHECKING:
    from typing import Self

    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

    from rollwatch.config.template import Store

__all__ = ["SecretUrl", "SentryDsn"]


class SecretUrl(SecretText):
    """An http:// or https:// URL, all of which may come from a secret. Checked at load where it can be read.

    What a secret holds may change later: whoever renders it must be ready for anything.
    """

    __slots__ = ()

    @classmethod
    def from_field(cls, text: str, store: Store | None, *, is_hidden: bool = True) -> Self:
        """As `SecretText.from_field`; what is no URL is a mistake."""
        found = super().from_field(text, store, is_hidden=is_hidden)
        with suppress(SecretUnavailable):
            cls._check(HttpUrl((found.render(),)))
        return found

    @classmethod
    def _check(cls, url: HttpUrl) -> None:
        """Raises a mistake if the URL is no good."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1, "title": "URL (http, https); a secret"}


class SentryDsn(SecretUrl):
    """The DSN of a project of Sentry: `https://KEY@HOST/PROJECT`."""

    __slots__ = ()

    @classmethod
    def _check(cls, url: HttpUrl) -> None:
        before, _, after = url.render().partition("://")[2].partition("@")
        if not after or "/" in before or not after.rpartition("/")[2].isdigit():
            raise mistake("is no DSN of Sentry", "Write it like https://KEY@o0.ingest.sentry.io/PROJECT.")
