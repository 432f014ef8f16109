"""One source map, read by symbolic (Sentry): where a place of a minified script was written.

It reads version 3 and index maps (tc39.es/ecma426), and the loop runs on meanwhile: a map of 17 MB takes
60 ms, for which a JSON parser for Python would stop every thread. Importing this costs 8 MB: do it where
there are maps, and in a thread.
"""

from __future__ import annotations

import re
from contextlib import suppress

from symbolic.exceptions import SymbolicError
from symbolic.sourcemap import SourceMapView, SourceView

from rollwatch.ingest.browser.frames import Frame
from rollwatch.text import clean

__all__ = ["ParsedMap"]

_LARGEST = 2**31
_NAME = re.compile(r"(new )?([A-Za-z_$][A-Za-z0-9_$]{0,63})")
_SOURCE_LIMIT = 512
_FUNCTION_LIMIT = 128


class ParsedMap:
    """A map in memory, about twice as large as its file. Blocks while it is made.

    With the minified script, the original names of functions are found, too; a map alone does not tell them.
    Raises ValueError if `data` is no map or maps nothing.
    """

    def __init__(self, data: bytes, script: bytes | None) -> None:
        try:
            self._map = SourceMapView.from_json_bytes(data)
        except SymbolicError as error:
            raise ValueError(clean(error.message)) from None
        if not len(self._map):
            raise ValueError("it maps nothing")
        self._script: SourceView | None = None
        if script is not None:
            self._script = SourceView.from_bytes(script.decode("utf-8", "replace").encode())

    def original(self, frame: Frame) -> Frame | None:
        """The same call in the sources; None if the map does not tell."""
        if frame.line is None or frame.column is None:
            return None
        if not (0 < frame.line < _LARGEST and 0 < frame.column < _LARGEST):
            return None
        name = _NAME.fullmatch(frame.function or "")
        token = None
        with suppress(SymbolicError):
            token = self._map.lookup(
                frame.line - 1, frame.column - 1, None if name is None else name[2], self._script
            )
        # Behind its last line, the library tells the last place it knows.
        if token is None or token.src is None or token.dst_line != frame.line - 1:
            return None
        function = frame.function
        if name is not None and token.function_name:
            function = f"{name[1] or ''}{clean(token.function_name, _FUNCTION_LIMIT)}"
        return Frame(function, clean(token.src, _SOURCE_LIMIT), token.src_line + 1, token.src_col + 1)
