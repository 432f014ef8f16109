# -> docs/configuration.md
"""Print the page of the configuration: what people wrote, as it is, then every key as the code has it."""

import sys
from pathlib import Path

from rollwatch.config.reference import BEGIN, reference
from rollwatch.probers import discover

page = Path(__file__).parents[2] / "docs" / "configuration.md"
written, marker, _ = page.read_text("utf-8").partition(BEGIN)
kinds = {name: kind.spec for name, kind in discover().items()}
sys.stdout.write(written + marker + "\n\n" + reference(kinds))
