# -> docs/rollback.openapi.json
"""Print the OpenAPI description of the rollback handler."""

import sys

import orjson

from rollwatch.rollback.web.openapi import openapi_document

sys.stdout.buffer.write(
    orjson.dumps(openapi_document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
)
