"""Expressions of the file, compiled once when it is loaded: JMESPath over JSON, RE2 over text."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import jmespath
import re2
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter
from pydantic_core import core_schema

from rollwatch.config.compiled import compiled
from rollwatch.config.functions import FUNCTIONS, is_digits
from rollwatch.config.mistake import did_you_mean, expect_text, mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

    from rollwatch.config.compiled import Evaluate

__all__ = ["JsonExpression", "Pattern"]

_LIMIT = 4096
"""An expression is at most this many characters."""
_EVALUATION_ERRORS = (
    JMESPathError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_FUNCTIONS: dict[str, dict[str, Any]] = FUNCTIONS.FUNCTION_TABLE
_OPTIONS = jmespath.Options(custom_functions=FUNCTIONS)


class _Expression:
    """Source text and what it was compiled to; equal if the source is."""

    __slots__ = ("_compiled", "source")
    source: str
    _title: ClassVar[str]

    def __init__(self, source: str) -> None:
        self.source = source
        self._compiled = self._compile(source)

    @staticmethod
    def _compile(source: str) -> Any: ...

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"

    def __str__(self) -> str:
        return self.source

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @classmethod
    def _validate(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        source = expect_text(value)
        if not source.strip():
            raise mistake("is empty", "Write an expression, or remove the key.")
        if len(source) > _LIMIT:
            raise mistake(f"is longer than {_LIMIT} characters", "Make it shorter.")
        return cls(source)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "title": cls._title, "minLength": 1, "maxLength": _LIMIT}


class JsonExpression(_Expression):
    """A JMESPath expression (jmespath.org) with arithmetic (`config.functions`).

    Unknown functions are found at load, not when it runs.
    """

    __slots__ = ()
    _title = "JMESPath expression"

    @staticmethod
    def _compile(source: str) -> Evaluate:
        try:
            parsed = jmespath.compile(source)
        except (JMESPathError, RecursionError, ValueError) as error:
            at = getattr(error, "lex_position", getattr(error, "lexer_position", None))
            where = "" if at is None else f" (near column {at + 1})"
            raise mistake(
                f"is no JMESPath expression{where}",
                "See jmespath.org; text is written 'in single quotes', a number in `backticks`.",
            ) from None
        for call in _calls(parsed.parsed):
            _check_call(call["value"], call["children"])
        # `parsed.search` would make a new interpreter for every document, half of what a search costs.
        return compiled(parsed.parsed) or partial(TreeInterpreter(_OPTIONS).visit, parsed.parsed)

    def search(self, doc: Any) -> Any:
        """What the expression finds in decoded JSON; None if nothing, or if it can't be evaluated."""
        try:
            return self._compiled(doc)
        except _EVALUATION_ERRORS:
            return None

    def holds(self, doc: Any) -> bool:
        """Whether the result is exactly true."""
        return self.search(doc) is True


class Pattern(_Expression):
    """An RE2 regular expression: linear in the length of the text: hostile text can't stall the loop."""

    __slots__ = ()
    _title = "regular expression (RE2)"

    @staticmethod
    def _compile(source: str) -> Any:
        options = re2.Options()
        options.log_errors = False
        try:
            return re2.compile(source, options)
        except (re2.error, UnicodeEncodeError) as error:
            why = error.args[0]
            text = why.decode("utf-8", "replace") if isinstance(why, bytes) else "invalid text"
            raise mistake(
                f"is no regular expression: {text.partition(':')[0]}",
                "The syntax is RE2: no lookahead and no backreferences.",
            ) from None

    @property
    def groups(self) -> Mapping[str, int]:
        """The number of each named group."""
        found: Mapping[str, int] = self._compiled.groupindex
        return found

    def search(self, text: str | bytes) -> Any:
        """The first match anywhere in `text`, as an `re2` match object, or None."""
        try:
            return self._compiled.search(text)
        except UnicodeEncodeError:  # lone surrogates, which JSON can carry
            return self._compiled.search(str(text).encode("utf-8", "replace").decode())


def _calls(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting: list[Mapping[str, Any]] = [tree]
    while waiting:
        node = waiting.pop()
        if node["type"] == "function_expression":
            yield node
        waiting += [child for child in node["children"] if isinstance(child, dict)]


def _check_call(name: str, arguments: Sequence[Mapping[str, Any]]) -> None:
    if name not in _FUNCTIONS:
        raise mistake(f"calls '{name}', which JMESPath has not", did_you_mean(name, _FUNCTIONS))
    count, signature = len(arguments), _FUNCTIONS[name]["signature"]
    is_variadic = any(argument.get("variadic") for argument in signature)
    if count < len(signature) or (count > len(signature) and not is_variadic):
        needs = f"{'at least ' if is_variadic else ''}{len(signature)}"
        many = "1 argument" if count == 1 else f"{count} arguments"
        raise mistake(f"calls '{name}' with {many}", f"It takes {needs}.")
    if name == "round" and arguments[1]["type"] == "literal" and not is_digits(arguments[1]["value"]):
        raise mistake("calls 'round' with digits it can't round to", "Write `0` to `12`.")
