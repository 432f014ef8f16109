# -> docs/dashboard.schema.json
"""Print the JSON Schema of `GET /api/monitoring/dashboard`."""

import sys

import orjson

from rollwatch.exporter.dashboard import dashboard_schema

sys.stdout.buffer.write(
    orjson.dumps(dashboard_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
)
