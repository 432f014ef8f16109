"""alertmanager.yml as text that people read and every version of Alertmanager takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollwatch.bundle.yaml_text import Dumper, yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import yaml

__all__ = ["Matchers", "document"]


class _Quoted(str):
    """A matcher: in quotes it means the same before and since Alertmanager 0.27."""

    __slots__ = ()


class Matchers(list[_Quoted]):
    """A list of matchers in one line."""

    def __init__(self, *matchers: str) -> None:
        super().__init__(_Quoted(matcher) for matcher in matchers)


def document(head: str, sections: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Sections one after another, each below its comment; those that hold nothing are left out."""
    parts = [_comment(head)]
    for comment, content in sections:
        if any(content.values()):
            parts.append(_comment(comment) + yaml_text(content, _Dumper))
    return "\n".join(parts)


def _comment(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


class _Dumper(Dumper):
    """Knows matchers and lists of words."""


def _quoted(dumper: yaml.SafeDumper, value: _Quoted) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="'")


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
    """Words in one line, all else below one another."""
    is_short = all(isinstance(each, str) for each in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=is_short)


_Dumper.add_representer(_Quoted, _quoted)
_Dumper.add_representer(Matchers, _list)
_Dumper.add_representer(list, _list)
