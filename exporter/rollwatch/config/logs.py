"""What a service may say of a log that is followed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rollwatch.config.document_text import FutureFile
from rollwatch.config.fields import ByteSize, JsonExpression, Pattern, mistake
from rollwatch.config.readings import Readings
from rollwatch.config.spec import Spec

__all__ = ["LineSpec", "LogSpec"]


class LineSpec(Spec):
    """One shape of line, and the figures it feeds. Every shape that fits a line is read."""

    pattern: Pattern | None = None
    """A regular expression (RE2) with named groups, found in the line: `(?P<status>\\d{3})`. Without it the
    line is JSON."""
    when: JsonExpression | None = None
    """Only lines of which this is true; it reads the JSON, or the named groups (which are text)."""
    figures: Readings
    """Figures the line feeds; a counter with neither value nor add grows by one."""

    @model_validator(mode="after")
    def _feeds_something(self) -> Self:
        if not self.figures:
            raise mistake("feeds no figure", "Add one.", at=("figures",))
        return self


class LogSpec(Spec):
    """One log: a file, a named pipe or standard input."""

    file: FutureFile | None = None
    """The file to follow, through rotation and truncation; from its end on if it is there at the start."""
    fifo: FutureFile | None = None
    """A named pipe to read."""
    stdin: bool = False
    """Read the exporter's own standard input."""
    lines: Annotated[tuple[LineSpec, ...], Field(min_length=1, max_length=50)]
    """Shapes of lines."""
    line_limit: Annotated[ByteSize, Field(ge=256, le=16 * 1024**2)] = 1024**2
    """A longer line is passed over and counted."""

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.file is not None) + (self.fifo is not None) + self.stdin != 1:
            raise mistake("must be read from one place", "Write one of file, fifo and stdin: true.")
        return self
