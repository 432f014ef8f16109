"""From what pydantic found to what a person reads: line, path, what is wrong, and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from rollwatch.config.fields import format_bytes, format_seconds, parse_bytes, parse_seconds
from rollwatch.config.known_keys import known_keys
from rollwatch.config.mistake import MISTAKE, did_you_mean, type_word
from rollwatch.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from rollwatch.config.yaml_tree import Flaw, Node

__all__ = ["Report"]

Location = tuple[int | str, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAPPING = ("a mapping", "Write key: value lines below it.")
_LIST = ("a list", "Write it in brackets: [a, b].")
_EXPECTED = {
    "string": ("text", "Write one text."),
    "int": ("a whole number", "Write it like 5."),
    "float": ("a number", "Write it like 0.5."),
    "finite_number": ("a finite number", "Write it like 0.5."),
    "bool": ("true or false", "Write one of the two."),
    "model": _MAPPING,
    "dict": _MAPPING,
    "list": _LIST,
    "tuple": _LIST,
    "set": _LIST,
}
_TYPE_ERROR = re.compile(r"(.+?)_(type|parsing|from_float|parsing_size|attributes_type)|finite_number")
_BOUNDS = {
    "greater_than": ("gt", "is too small", "Write more than {}."),
    "greater_than_equal": ("ge", "is too small", "Write {} or more."),
    "less_than": ("lt", "is too large", "Write less than {}."),
    "less_than_equal": ("le", "is too large", "Write {} or less."),
}
_LENGTHS = {
    "string_too_short": ("min_length", "must have at least {} characters", "Write more, or remove the key."),
    "string_too_long": ("max_length", "must have at most {} characters", "Make it shorter."),
    "too_short": ("min_length", "must have at least {} item{s}", "Add one, or remove the key."),
    "too_long": ("max_length", "must have at most {} items", "Remove some."),
}


class _Place(NamedTuple):
    """Where a location of pydantic's is in the file. `rest` are its elements that are no keys of the file."""

    line: int
    path: str
    node: Node
    rest: Location


class _Finding(NamedTuple):
    place: _Place
    message: str
    remedy: str
    is_of_branch: bool
    """Found while one of several forms of a value was tried."""
    is_of_type: bool


class Report:
    """Collects the problems of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[Problem] = []
        self._flawed: set[tuple[int, str]] = set()

    @property
    def problems(self) -> list[Problem]:
        """All of them, once each, in file order."""
        return sorted(dict.fromkeys(self._problems), key=lambda problem: problem.line or 0)

    def say(self, line: int | None, path: str, message: str, remedy: str) -> None:
        """One problem at a line; not where the YAML itself is flawed: the flaw has been said."""
        if line is not None and (line, path) in self._flawed:
            return
        self._problems.append(Problem(self._file, line, path, message, remedy))

    def flaws(self, flaws: Sequence[Flaw]) -> None:
        """Those of the YAML itself."""
        for flaw in flaws:
            self._problems.append(Problem(self._file, flaw.line, flaw.path, flaw.message, flaw.remedy))
            self._flawed.add((flaw.line, flaw.path))

    def at(self, root: Node, location: Location, message: str, remedy: str) -> None:
        """One problem at a location below `root`; the last elements may be missing in the file."""
        place = _find(root, location)
        path = ".".join([place.path, *map(str, place.rest)]).lstrip(".")
        self.say(place.line, path, message, remedy)

    def invalid(
        self, error: ValidationError, root: Node, model: type[BaseModel], prefix: Location = ()
    ) -> None:
        """Those pydantic found in what stands at `prefix` when it tried to make a `model` of it."""
        details = error.errors(include_url=False, include_input=False)
        findings = [self._finding(detail, root, model, prefix) for detail in details]
        deeper = [finding.place.path for finding in findings if finding.is_of_branch]
        merged: dict[str, _Finding] = {}
        for detail, finding in zip(details, findings, strict=True):
            path = finding.place.path
            if detail["type"] == "too_short" and any(_is_below(other.place.path, path) for other in findings):
                # pydantic counts only the items that are good.
                continue
            if (
                finding.is_of_branch
                and finding.is_of_type
                and any(_is_below(other, path) for other in deeper)
            ):
                continue
            before = merged.get(path)
            if before is None or not finding.is_of_branch:
                merged[path if finding.is_of_branch else f"{path}\x00{len(merged)}"] = finding
            elif finding.message not in before.message:
                message = f"{before.message}, or {finding.message}"
                merged[path] = finding._replace(message=message, remedy=before.remedy or finding.remedy)
        for finding in merged.values():
            self.say(finding.place.line, finding.place.path, finding.message, finding.remedy)

    def _finding(
        self, detail: ErrorDetails, root: Node, model: type[BaseModel], prefix: Location
    ) -> _Finding:
        kind, context = detail["type"], detail.get("ctx", {})
        location = (*prefix, *detail["loc"], *context.get("at", ()))
        place = _find(root, location)
        if kind == "missing":
            name = str(location[-1])
            path = f"{place.path}.{name}".lstrip(".")
            place = place._replace(path=path, rest=place.rest[:-1])
            return _Finding(place, "is required", "Add it.", bool(place.rest), is_of_type=False)
        aimed = context.get("at", ())
        if aimed and place.rest == tuple(aimed)[-len(place.rest) :]:
            path = ".".join([place.path, *map(str, place.rest)])
            place = place._replace(path=path, rest=())
        if kind == "extra_forbidden":
            remedy = did_you_mean(str(location[-1]), known_keys(model, detail["loc"][:-1]))
            return _Finding(place, "is not known here", remedy, bool(place.rest), is_of_type=False)
        message, remedy = _say(kind, context, detail["msg"], place.node)
        tags = [element for element in place.rest if element != "[key]"]
        return _Finding(place, message, remedy, bool(tags), bool(_TYPE_ERROR.fullmatch(kind)))


def _is_below(path: str, above: str) -> bool:
    return path != above and path.startswith((f"{above}.", f"{above}["))


def _find(root: Node, location: Location) -> _Place:
    """Follow `location` as far as the file goes; what is no key or index of it is left out."""
    node, line, path = root, root.line, ""
    rest: list[int | str] = []
    for element in location:
        if isinstance(node.value, dict) and isinstance(element, str) and element in node.value:
            line, node = node.value[element][:2]
            shown = element if _PLAIN_KEY.fullmatch(element) else ascii(element[:64])
            path = f"{path}.{shown}" if path else shown
        elif isinstance(node.value, list) and isinstance(element, int) and element < len(node.value):
            node = node.value[element]
            line = node.line
            path = f"{path}[{element}]"
        else:
            rest.append(element)
    return _Place(line, path, node, tuple(rest))


def _say(kind: str, context: dict[str, object], fallback: str, node: Node) -> tuple[str, str]:
    """The message and the remedy for an error of pydantic's type `kind`."""
    if kind == MISTAKE:
        return str(context["message"]), str(context["remedy"])
    if kind in _BOUNDS:
        name, message, remedy = _BOUNDS[kind]
        return message, remedy.format(_as_written(context[name], node))
    if kind in _LENGTHS:
        name, message, remedy = _LENGTHS[kind]
        return message.format(context[name], s="" if context[name] == 1 else "s"), remedy
    if kind in {"literal_error", "enum"}:
        is_quoted = isinstance(node.value, str) or node.key is None
        return f"must be {context['expected']}", "" if is_quoted else "Put it in quotes."
    if kind == "string_pattern_mismatch":
        return "has a character or a form that is not allowed", f"It must match {context['pattern']}."
    if kind in {"value_error", "assertion_error"}:
        return _without_input(str(context["error"]), node), ""
    type_error = _TYPE_ERROR.fullmatch(kind)
    if type_error is not None:
        expected = _EXPECTED.get(type_error[1] or kind)
        if expected is not None:
            return _wrong_type(*expected, node)
    return _without_input(f"{fallback[:1].lower()}{fallback[1:]}", node), "Change the value."


def _wrong_type(expected: str, remedy: str, node: Node) -> tuple[str, str]:
    found = type_word(node.value)
    if found == "nothing":
        return f"must be {expected}, and nothing is there", "Write it, or remove the key."
    if expected == "text" and node.key is not None:
        return f"must be text, not {found}", "Put it in quotes."
    if expected.endswith(found.rpartition(" ")[2]):
        return f"must be {expected}", remedy
    return f"must be {expected}, not {found}", remedy


def _without_input(text: str, node: Node) -> str:
    """A message that was written elsewhere; nothing of it if it repeats what stands in the file."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.key and len(found.key) > 3 and found.key in text:
            return "is not valid"
        if isinstance(found.value, list):
            waiting += found.value
        elif isinstance(found.value, dict):
            waiting += [entry.node for entry in found.value.values()]
    return text


def _as_written(bound: Any, node: Node) -> str:
    """A bound in the form the value has: `300s` for a duration, `64KiB` for a size."""
    forms: tuple[tuple[Callable[[object], object], Callable[[Any], str]], ...]
    forms = ((parse_seconds, format_seconds), (parse_bytes, format_bytes))
    for parse, write in forms:
        try:
            parse(node.value)
        except ValueError:
            continue
        return write(bound)
    return f"{bound:g}" if isinstance(bound, float) else str(bound)
