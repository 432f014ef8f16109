"""Programs that the file names, with their arguments: never a shell's text with a value inside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from rollwatch.config.mistake import expect_text, mistake
from rollwatch.config.placeholders import check_placeholders, placeholders_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Argument", "Argv", "VariableName", "VariableNames"]

_LONGEST = 4096
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SHELLS = frozenset({"ash", "bash", "dash", "fish", "ksh", "mksh", "sh", "zsh"})
_INTERPRETERS = {"node": "ep", "perl": "eE", "php": "r", "python": "c", "python3": "c", "ruby": "e"}
"""Letters of the options whose value is program text."""
_LONG_WITH_VALUE = frozenset({"--init-file", "--rcfile"})


def _argument(value: object) -> str:
    text = expect_text(value)
    if len(text) > _LONGEST:
        raise mistake(f"must have at most {_LONGEST} characters", "Write a script, and name it here.")
    if not text.isprintable():
        raise mistake(
            "has a line break or another control character",
            "Write each argument as one line; write a script for more.",
        )
    check_placeholders(text)
    return text


def _argv(argv: tuple[str, ...]) -> tuple[str, ...]:
    program = argv[0]
    if not program.strip():
        raise mistake("names no program", "Write the program first: [scripts/rollback, ...].", at=(0,))
    if placeholders_in(program):
        raise mistake(
            "would be chosen by a placeholder",
            "Write the program out; placeholders are for arguments.",
            at=(0,),
        )
    for index in _code_in(argv):
        if placeholders_in(argv[index]):
            raise mistake(
                "puts a placeholder into the text of a program, which would run what it holds",
                """Pass it as an argument: [sh, -c, 'deploy "$1"', deploy, "{target_commit}"].""",
                at=(index,),
            )
    return argv


def _code_in(argv: Sequence[str]) -> Iterator[int]:
    """Where program text stands, wherever a shell or an interpreter is called: behind `env` and `ssh` too."""
    for index, argument in enumerate(argv):
        name = argument.rpartition("/")[2].lower()
        if name in _SHELLS:
            yield from _code_of_shell(argv, index + 1)
        elif name in _INTERPRETERS:
            yield from _code_of_interpreter(argv, index + 1, _INTERPRETERS[name])


def _code_of_shell(argv: Sequence[str], index: int) -> Iterator[int]:
    """The first argument that is no option, if one of the options before it says that it is code."""
    is_code = False
    while index < len(argv) and argv[index][:1] in {"-", "+"}:
        option = argv[index]
        is_long = option.startswith("--")
        is_code = is_code or option == "--command" or (option[0] == "-" and not is_long and "c" in option)
        takes_value = option in _LONG_WITH_VALUE or (not is_long and option[-1] in "oO")
        index += 2 if takes_value else 1
        if option == "--":
            break
    if is_code and index < len(argv):
        yield index


def _code_of_interpreter(argv: Sequence[str], index: int, letters: str) -> Iterator[int]:
    while index < len(argv) and argv[index].startswith("-"):
        option = argv[index]
        if option in {"--eval", "--print"} or (not option.startswith("--") and option[-1] in letters):
            index += 1
            yield from (index,) if index < len(argv) else ()
        elif not option.startswith("--") and set(option) & set(letters):
            yield index
        index += 1


def _variable(value: object) -> str:
    text = expect_text(value)
    if "=" in text:
        raise mistake("is a name with a value", "Write the name only; `secrets` gives values to variables.")
    if not _VARIABLE.fullmatch(text):
        raise mistake("is no name of a variable", "Write it like KUBECONFIG: letters, digits and '_'.")
    return text


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise mistake("is there twice", "Remove one.", at=(index,))
    return names


Argument = Annotated[
    str,
    BeforeValidator(_argument),
    WithJsonSchema({"type": "string", "title": "text with placeholders", "maxLength": _LONGEST}),
]
"""One line of text, in which placeholders are replaced."""

Argv = Annotated[tuple[Argument, ...], Field(min_length=1, max_length=100), AfterValidator(_argv)]
"""A program and its arguments: never through a shell, never with text of an alert in it.

`{service}`, `{environment}`, `{target_commit}`, `{target_version}`, `{target_id}`, `{bad_commit}`,
`{bad_version}`, `{bad_id}` and `{rollback_id}` are replaced, as whole values of the journal that were
checked; a placeholder without a value makes the decision a denial. `placeholders.fill` does it.
"""

VariableName = Annotated[
    str,
    BeforeValidator(_variable),
    WithJsonSchema({"type": "string", "title": "name of a variable", "pattern": f"^{_VARIABLE.pattern}$"}),
]
"""The name of a variable of the environment."""

VariableNames = Annotated[tuple[VariableName, ...], Field(max_length=50), AfterValidator(_each_once)]
"""Some names, each once."""
