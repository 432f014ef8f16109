"""The bytes of the configuration file as text, or the reason why there is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rollwatch.config.problems import Report

__all__ = ["FILE_LIMIT", "read_source"]

FILE_LIMIT = 4 * 1024 * 1024
"""The configuration is at most this many bytes."""


def read_source(path: Path, report: Report, *, start: str = "rollwatch.example.yml is a start") -> str | None:
    """The text of the file, without a byte order mark; None if the report now says why not.

    `start` is where somebody who has no such file yet finds how to write one.
    """
    try:
        if path.exists() and not path.is_file():
            report.say(None, "", "this is not a file", "Give the path of the file itself.")
            return None
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        report.say(None, "", "there is no such file", f"Write one ({start}), or check the path.")
        return None
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "invalid path"
        report.say(None, "", f"the file can't be read: {why}", "Check the path and its permissions.")
        return None
    if len(content) > FILE_LIMIT:
        report.say(None, "", f"the file is larger than {FILE_LIMIT} bytes", "Split it over exporters.")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        report.say(line, "", "the text is not UTF-8", "Save the file as UTF-8.")
        return None
