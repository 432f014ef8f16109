# -> docs/metrics.md
"""Print the page that says what each metric means."""

import sys

from rollwatch.exporter.metric_sections import metric_sections
from rollwatch.metrics.reference import markdown
from rollwatch.probers import discover

sys.stdout.write(markdown(discover(), metric_sections()))
