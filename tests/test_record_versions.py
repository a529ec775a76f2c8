"""Records of every version so far can be read, and mean what they meant; their JSON Schema is published."""

import json
from pathlib import Path

import jsonschema
import pytest

from cleanbench.leaderboard import schema
from cleanbench.leaderboard.board import fingerprint_of
from cleanbench.records import Record, read_records, write_records

# One file for each form that records have had; a new field adds a file and changes none.
KEPT = sorted((Path(__file__).parent / "old_records").glob("*.jsonl"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_old_records_are_read_and_written_as_they_were(path: Path, tmp_path: Path) -> None:
    records = read_records(path)
    assert records
    write_records(tmp_path / "again.jsonl", records)
    assert (tmp_path / "again.jsonl").read_bytes() == path.read_bytes()


def test_there_are_old_records() -> None:
    assert [path.stem for path in KEPT] == ["schema-1-encoder-costs", "schema-1-first", "schema-1-intervals"]


def test_the_name_of_an_old_ranking_stays() -> None:
    first = read_records(KEPT[1])[0]
    assert fingerprint_of(first)[:8] == "761e9d73"


def test_the_published_schema_is_that_of_records() -> None:
    published = Path(__file__).parents[1] / "docs" / "record.schema.json"
    assert published.read_text() == schema.as_text(), (
        "run python -m cleanbench.leaderboard.schema > docs/record.schema.json"
    )


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_records_follow_the_schema(path: Path) -> None:
    for line in path.read_text().splitlines():
        jsonschema.validate(json.loads(line), schema.schema())


@pytest.mark.parametrize(
    "spoiled", [{"method": 5}, {"issue": "blur"}, {"unknown": 1}, {"metrics": {"AP": {"value": "x"}}}]
)
def test_the_schema_refuses_what_the_harness_refuses(spoiled: dict[str, object]) -> None:
    content = json.loads(KEPT[0].read_text().splitlines()[0]) | spoiled
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema.schema())
    with pytest.raises(ValueError, match="validation error"):
        Record.model_validate(content)
