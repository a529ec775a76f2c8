"""``python -m cleanbench.leaderboard.schema``: the JSON Schema of a record, for tools that are not Python."""

import json
import sys
from typing import Any

from cleanbench.records import SCHEMA, Record

ADDRESS = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the JSON Schema that a line of ``records.jsonl`` follows, and each record of ``record.json``."""
    return {"$schema": ADDRESS, "$id": f"cleanbench-record-{SCHEMA}", **Record.model_json_schema(mode="validation")}


def as_text() -> str:
    """Return the schema as it is published in ``docs/record.schema.json``."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text())
