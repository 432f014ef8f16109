"""YAML as people write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Dumper", "yaml_text"]


class Dumper(yaml.SafeDumper):
    """Lists are indented, texts of several lines stand in blocks, and nothing is said by reference."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Dumper.add_representer(str, _text)


def yaml_text(content: Mapping[str, Any], dumper: type[Dumper] = Dumper) -> str:
    """`content` in its own order, each text in one line unless it has several."""
    return yaml.dump(content, Dumper=dumper, sort_keys=False, width=10_000, allow_unicode=True)
