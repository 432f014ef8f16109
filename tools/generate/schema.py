# -> docs/rollwatch.schema.json
"""Print the JSON Schema of rollwatch.yml."""

import json
import sys

from rollwatch.config.schema import json_schema
from rollwatch.probers import discover

kinds = {name: kind.spec for name, kind in discover().items()}
sys.stdout.write(json.dumps(json_schema(kinds), indent=2, ensure_ascii=False) + "\n")
