# -> docs/metrics.md
"""Print the page that says what each metric means."""

import sys

from rollwatch.host.metrics import METRICS
from rollwatch.metrics.reference import markdown
from rollwatch.probers import discover

sys.stdout.write(markdown(discover(), METRICS))
