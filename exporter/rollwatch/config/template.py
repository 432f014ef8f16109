"""Text with references to secrets, masked wherever it shows itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, Self, TypeAlias

from pydantic_core import PydanticCustomError, core_schema

from rollwatch.config.mistake import expect_text, mistake
from rollwatch.errors import SecretUnavailable

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = [
    "MASK",
    "SHORTEST_TOKEN",
    "Cell",
    "Part",
    "SecretText",
    "Store",
    "Template",
    "TemplateStr",
    "is_short",
    "parse_references",
]

MASK = "***"
SHORTEST_TOKEN = 16
"""A token with fewer characters than this can be guessed."""

_TOKEN = re.compile(r"\$\$|\$\{([^}]*)(\}?)")
_REFERENCE = re.compile(r"file:[^\x00]+|env:[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HOW = "Write ${file:PATH} or ${env:NAME} for a secret, or $$ for a dollar sign."


class Cell(Protocol):
    """A secret as a template needs it."""

    @property
    def reference(self) -> str: ...
    @property
    def version(self) -> int: ...
    def value(self) -> str: ...


class Store(Protocol):
    """Gives the cell of a reference, read. Raises SecretUnavailable."""

    def cell(self, reference: str) -> Cell: ...


class Part(NamedTuple):
    """A stretch of literal text, or the reference of a secret (`file:secrets/x`)."""

    name: str
    is_reference: bool


def parse_references(text: str) -> tuple[Part, ...]:
    """Split at `${file:...}`, `${env:...}` and `$$`. Raises ValueError that says what to write."""
    parts: list[Part] = []
    literal = ""
    end = 0
    for token in _TOKEN.finditer(text):
        literal += text[end : token.start()]
        end = token.end()
        if token[0] == "$$":
            literal += "$"
            continue
        if not token[2] or not _REFERENCE.fullmatch(token[1]):
            raise ValueError(_HOW)
        parts += [Part(literal, is_reference=False)] if literal else []
        parts.append(Part(token[1], is_reference=True))
        literal = ""
    literal += text[end:]
    return (*parts, Part(literal, is_reference=False)) if literal or not parts else tuple(parts)


class Template:
    """Text that may contain secrets. Immutable; equal if the same text with the same secrets."""

    __slots__ = ("_is_hidden", "_parts")

    def __init__(self, parts: tuple[str | Cell, ...], *, is_hidden: bool = False) -> None:
        """`is_hidden`: the literal text is secret as well (a password written in the file)."""
        self._parts = parts
        self._is_hidden = is_hidden

    @classmethod
    def parse(cls, text: str, store: Store | None = None, *, is_hidden: bool = False) -> Self:
        """From the text of the file. Raises ValueError with a remedy, SecretUnavailable."""
        parts = parse_references(text)
        if store is None:
            for part in parts:
                if part.is_reference:
                    raise SecretUnavailable(part.name, "secrets are not read here")
            return cls(tuple(part.name for part in parts), is_hidden=is_hidden)
        return cls(
            tuple(store.cell(part.name) if part.is_reference else part.name for part in parts),
            is_hidden=is_hidden,
        )

    @property
    def has_secret(self) -> bool:
        """Whether the text refers to a secret."""
        return any(not isinstance(part, str) for part in self._parts)

    @property
    def references(self) -> tuple[str, ...]:
        """The names of its secrets (`file:secrets/x`), in order of appearance."""
        return tuple(part.reference for part in self._parts if not isinstance(part, str))

    @property
    def version(self) -> int:
        """Changes when any of its secrets does: keep what was rendered as long as this stays."""
        return sum(part.version for part in self._parts if not isinstance(part, str))

    def render(self) -> str:
        """The text with its secrets. Raises SecretUnavailable."""
        return "".join(part if isinstance(part, str) else part.value() for part in self._parts)

    def render_header(self) -> str:
        """`render` for use in a header line: raises SecretUnavailable if it could end the line."""
        text = self.render()
        if _CONTROL.search(text):
            name = self.references[0] if self.has_secret else "text"
            raise SecretUnavailable(name, "it contains a line break or another control character")
        return text

    @property
    def is_header_safe(self) -> bool:
        """Whether it can be a header's value, as far as its secrets can be read now."""
        try:
            return not _CONTROL.search(self.render())
        except SecretUnavailable:
            return True

    @property
    def masked(self) -> str:
        """The text with every secret replaced by `***`; for people."""
        if self._is_hidden:
            return MASK
        return "".join(part if isinstance(part, str) else MASK for part in self._parts)

    @property
    def is_written_out(self) -> bool:
        """Whether the file itself holds what should be a secret."""
        return self._is_hidden and not self.has_secret

    def hidden(self) -> Self:
        """The same, with its literal text secret too."""
        return type(self)(self._parts, is_hidden=True)

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a text with secrets is never pickled")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda template: template.masked),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "title": "text; may contain secrets"}

    @classmethod
    def _validate(cls, value: object, info: core_schema.ValidationInfo) -> Self:
        if isinstance(value, cls):
            return value
        return cls.from_field(expect_text(value), (info.context or {}).get("secrets"))

    @classmethod
    def from_field(cls, text: str, store: Store | None, *, is_hidden: bool = False) -> Self:
        """`parse`, with what is wrong said as a mistake of the field."""
        try:
            return cls.parse(text, store, is_hidden=is_hidden)
        except PydanticCustomError:
            raise
        except SecretUnavailable as error:
            is_file = error.reference.startswith("file:")
            raise mistake(
                f"needs the secret ${{{error.reference}}}, which can't be read: {error.why}",
                "Paths are relative to the directory of the configuration file."
                if is_file
                else "Set the variable for this process, or correct the name.",
            ) from None
        except ValueError as error:
            raise mistake("has a '${' that is no reference to a secret", str(error)) from None


TemplateStr: TypeAlias = Template
"""The type of a field whose text may contain secrets."""


class SecretText(Template):
    """A password, token or key: masked as a whole, also if it was written into the file."""

    __slots__ = ()

    def __init__(self, parts: tuple[str | Cell, ...], *, is_hidden: bool = True) -> None:
        super().__init__(parts, is_hidden=True)

    @classmethod
    def from_field(cls, text: str, store: Store | None, *, is_hidden: bool = True) -> Self:
        """As `Template.from_field`; empty text is a mistake."""
        if not text:
            raise mistake("is empty", "Write ${file:PATH} or ${env:NAME}.")
        return super().from_field(text, store, is_hidden=is_hidden)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1, "title": "secret"}


def is_short(token: Template) -> bool:
    """Whether a token can be guessed, as far as it can be read now."""
    try:
        return len(token.render()) < SHORTEST_TOKEN
    except SecretUnavailable:
        return False
