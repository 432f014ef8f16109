# -> docs/ingest.openapi.json
"""Print the OpenAPI description of the ingest listener."""

import sys

import orjson

from rollwatch.ingest.openapi import openapi_document

sys.stdout.buffer.write(
    orjson.dumps(openapi_document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
)
