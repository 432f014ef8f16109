"""How a process writes its log: one event per line on standard error, logfmt or JSON."""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO, cast

import structlog

from rollwatch.cli.log_sink import LogSink

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["LogFormat", "LogLevel", "set_up_logging"]

_TEXT_MAX = 1000
_EXCEPTION_MAX = 20_000
# C0 and C1 controls, and what ends lines or turns the direction of text.
_CONTROL: dict[int, str] = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    code: f"\\u{code:04x}"
    for code in (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}
# A traceback keeps its lines; either format writes their ends as \\n.
_CONTROL_IN_EXCEPTION = {code: text for code, text in _CONTROL.items() if code != 10}


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogFormat(StrEnum):
    LOGFMT = "logfmt"
    JSON = "json"


def set_up_logging(level: LogLevel, log_format: LogFormat) -> LogSink:
    """Send our events, and those of the libraries, to standard error, through the sink returned."""
    sink = LogSink(_standard_error())
    number = {"debug": 10, "info": 20, "warn": 30, "error": 40}[level.value]
    renderer: Any
    if log_format is LogFormat.JSON:
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.processors.LogfmtRenderer(
            key_order=["ts", "level", "event"], drop_missing=True, bool_as_flag=False
        )
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        _bound_texts,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", sink)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[*shared],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    # Parsers warn of odd certificates, quoting them: such lines are to look like all others.
    logging.captureWarnings(True)
    return sink


def _standard_error() -> int | None:
    """The descriptor of standard error, if the process was started with one."""
    return None if sys.stderr is None else sys.stderr.fileno()


def _bound_texts(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Remote text may be in any value: one line, no terminal control characters, bounded."""
    for key, value in event.items():
        if isinstance(value, str):
            is_exception = key == "exception"
            limit = _EXCEPTION_MAX if is_exception else _TEXT_MAX
            text = value[: limit + 1].translate(_CONTROL_IN_EXCEPTION if is_exception else _CONTROL)
            event[key] = text if len(text) <= limit else text[:limit] + "…"
    return event
