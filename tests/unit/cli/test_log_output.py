"""A line of the log, whatever text from outside is in it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = r"""
import sys, warnings, structlog
from rollwatch.cli.log_output import LogFormat, LogLevel, set_up_logging
sink = set_up_logging(LogLevel.DEBUG, LogFormat(sys.argv[1]))
evil = "a\n\r\x1b[2J\x9b31m\u202etxt\u2028\" level=error event=forged"
log = structlog.get_logger()
log.info("seen", detail=evil)
warnings.warn(evil)
try:
    raise ValueError(evil)
except ValueError:
    log.exception("failed")
sink.close()
"""
DANGEROUS = "\r\x1b\x9b\u202e\u2028"


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_remote_text_neither_forges_a_line_nor_reaches_the_terminal(log_format: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, log_format], capture_output=True, check=True, timeout=30
    )

    lines = ran.stderr.decode().removesuffix("\n").split("\n")

    assert len(lines) == 3
    for line, event in zip(lines, ("seen", "", "failed"), strict=True):
        assert not set(line) & set(DANGEROUS)
        if log_format == "json":
            assert event in json.loads(line)["event"]
            assert not set(DANGEROUS) & set("".join(map(str, json.loads(line).values())))
        else:
            assert f" event={event}" in line
            # Their quote is escaped, so that what follows it is still part of the value.
            assert '\\\\" level=error event=forged' not in line
            assert '\\" level=error event=forged' in line
