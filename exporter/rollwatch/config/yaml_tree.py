"""YAML as a tree that remembers its lines, strict where YAML is treacherous.

Duplicate keys, tags and several documents are mistakes. Plain words follow the core schema of YAML 1.2: only
`true` and `false` are booleans, so that `off`, `no` and `12:30` stay text. Keys are always text. Aliases and
merge keys (`<<`) work; what they expand to is bounded in size and depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEPTH_LIMIT", "SIZE_LIMIT", "Entry", "Flaw", "Node", "Scalar", "compose"]

SIZE_LIMIT = 200_000
"""Nodes of a tree, with every alias expanded."""
DEPTH_LIMIT = 40
"""Mappings and lists inside each other."""

Scalar = str | int | float | bool | None

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,299})")
_FLOAT = re.compile(
    r"[-+]?((0|[1-9][0-9]{0,299})?\.[0-9]{1,300}|(0|[1-9][0-9]{0,299})\.?(?=[eE]))([eE][-+]?[0-9]{1,4})?"
)
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_TAG_REMEDY = "Remove it; put text in quotes where it looks like something else."


class Flaw(NamedTuple):
    """A mistake in the text itself."""

    line: int
    path: str
    message: str
    remedy: str


class Entry(NamedTuple):
    """A key's line, and what stands under the key."""

    line: int
    node: Node
    is_merged: bool = False
    """Taken over with `<<`; a key of the mapping's own wins over it, wherever it stands."""


@dataclass(slots=True, eq=False)
class Node:
    """A value; `line` counts from 1. `size` and `depth` are those of the expanded tree below."""

    line: int
    value: Scalar | list[Node] | dict[str, Entry]
    key: str | None = None
    """The text of a scalar, for use as a key."""
    is_merge: bool = False
    is_open: bool = False
    size: int = 1
    depth: int = 1

    def plain(self) -> object:
        """The same as plain lists, dictionaries and scalars."""
        match self.value:
            case list():
                return [node.plain() for node in self.value]
            case dict():
                return {key: entry.node.plain() for key, entry in self.value.items()}
            case _:
                return self.value


class _Fatal(Exception):  # noqa: N818  ends the reading of one text, never leaves this module
    def __init__(self, line: int, message: str, remedy: str) -> None:
        self.flaw = Flaw(line, "", message, remedy)


def compose(text: str) -> tuple[Node | None, list[Flaw]]:
    """The tree of a text and every flaw in it; no tree if it can't be read to its end or is empty."""
    unprintable = _UNPRINTABLE.search(text)
    if unprintable is not None:
        line = text.count("\n", 0, unprintable.start()) + 1
        return None, [Flaw(line, "", "a character that can't stand in YAML", "Remove it.")]
    composer = _Composer()
    try:
        for event in _events(text):
            composer.take(event)
    except _Fatal as fatal:
        return None, [*composer.flaws, fatal.flaw]
    return composer.root, composer.flaws


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        remedy = "Check indentation, quotes and brackets here and just above."
        raise _Fatal(line, f"not valid YAML: {error.problem or error.context}", remedy) from None


class _Composer:
    """Builds the tree from parser events with a stack of its own."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.flaws: list[Flaw] = []
        self._anchors: dict[str, Node] = {}
        self._stack: list[Node] = []
        self._keys: list[Node | None] = []
        """Per open node the key that waits for its value; None in lists and where a key comes next."""
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1  # type: ignore[union-attr]  # every event has a mark
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _Fatal(line, "a second YAML document", "Keep one document; remove the line '---'.")
            case yaml.ScalarEvent():
                self._check_tag(event.tag, line)
                self._place(self._anchored(event, _scalar(event, line)))
            case yaml.SequenceStartEvent():
                self._open(event, Node(line, [], is_open=True))
            case yaml.MappingStartEvent():
                self._open(event, Node(line, {}, is_open=True))
            case yaml.AliasEvent():
                self._place(self._aliased(event.anchor, line))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._keys.pop()
                node = self._stack.pop()
                node.is_open = False
                self._place(node)

    def _open(self, event: yaml.CollectionStartEvent, node: Node) -> None:
        self._check_tag(event.tag, node.line)
        if len(self._stack) >= DEPTH_LIMIT:
            raise _Fatal(node.line, f"nested deeper than {DEPTH_LIMIT}", "Check brackets and indentation.")
        self._stack.append(self._anchored(event, node))
        self._keys.append(None)

    def _check_tag(self, tag: str | None, line: int) -> None:
        if tag is not None:
            self._say(line, "a YAML tag ('!…'), which is not used here", _TAG_REMEDY)

    def _say(self, line: int, message: str, remedy: str) -> None:
        path = ""
        for node, key in zip(self._stack, self._keys, strict=True):
            if isinstance(node.value, list):
                path += f"[{len(node.value)}]"
            elif key is not None and key.key:
                path += f".{key.key[:64]}" if path else key.key[:64]
        self.flaws.append(Flaw(line, path, message, remedy))

    def _anchored(self, event: yaml.NodeEvent, node: Node) -> Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _aliased(self, anchor: str | None, line: int) -> Node:
        node = self._anchors.get(anchor or "")
        if node is None:
            self._say(line, f"the alias *{anchor} has no anchor", f"Write &{anchor} at the original, above.")
            return Node(line, None, "")
        if node.is_open:
            raise _Fatal(line, f"the alias *{anchor} stands inside what it stands for", "Write it out.")
        return node

    def _place(self, node: Node) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        else:
            key, self._keys[-1] = self._keys[-1], None
            if key is None:
                self._keys[-1] = node
                return
            self._enter(cast("dict[str, Entry]", parent.value), key, node)
        self._grow(parent, node)

    def _grow(self, parent: Node, child: Node) -> None:
        parent.size += child.size
        parent.depth = max(parent.depth, child.depth + 1)
        if parent.size > SIZE_LIMIT or parent.depth > DEPTH_LIMIT:
            raise _Fatal(child.line, "aliases that expand to too much", "Write it out, or use fewer aliases.")

    def _enter(self, mapping: dict[str, Entry], key: Node, node: Node) -> None:
        if key.is_merge:
            self._merge(mapping, node)
        elif not key.key:
            self._say(key.line, "a key that is not text", "Write a word before the colon.")
        elif key.key in mapping and not mapping[key.key].is_merged:
            first = mapping[key.key].line
            message = f"the key '{key.key[:64]}' a second time, after line {first}"
            self._say(key.line, message, "Remove one of the two.")
        else:
            mapping[key.key] = Entry(key.line, node)

    def _merge(self, mapping: dict[str, Entry], node: Node) -> None:
        sources = node.value if isinstance(node.value, list) else [node]
        for source in sources:
            if not isinstance(source.value, dict):
                remedy = "Write an alias of a mapping: <<: *name."
                self._say(source.line, "a merge key ('<<') with something else than a mapping", remedy)
                continue
            for key, entry in source.value.items():
                mapping.setdefault(key, Entry(entry.line, entry.node, is_merged=True))


def _scalar(event: yaml.ScalarEvent, line: int) -> Node:
    text: str = event.value
    is_plain = event.implicit[0]
    return Node(line, _resolve(text) if is_plain else text, text, is_merge=is_plain and text == "<<")


def _resolve(text: str) -> Scalar:
    """What a word without quotes means (YAML 1.2, core schema, without octal and hexadecimal numbers)."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(_SPECIAL[text]) if text in _SPECIAL else text
