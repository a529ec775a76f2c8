"""Boards as a pandas frame, for analyses of one's own."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleanbench.core import UserError

if TYPE_CHECKING:
    import pandas as pd

    from cleanbench.records import Record


def read_leaderboard(root: str | PathLike[str] = "leaderboards") -> "pd.DataFrame":
    """Read all boards under ``root`` as a frame, one row per record.

    Numbers of different ``board`` are not comparable: data or truth differ. A method with several seeds has a row for
    each.

    Args:
        root: The folder of boards.

    Returns:
        Columns: ``board``, ``dataset``, ``issue``, ``truth`` and ``truth_kind`` (``human``, ``metadata``,
        ``synthetic``), ``presumed_negatives``, ``method`` (with the settings that differ from its defaults),
        ``encoder``, ``seed``, ``encoder_seed``, ``dataset_seed``, ``items``, ``faulty``, ``coverage``,
        ``supervised``, ``made_elsewhere``; every metric, and the ends of its interval as ``<metric>_low`` and
        ``<metric>_high``, missing where undefined; ``cpu_seconds``, ``peak_mib``, ``truth_revision``,
        ``fingerprint``, ``key``, ``created``, ``version``.

    Raises:
        UserError: If there is no such folder, it holds no boards, or a record cannot be read.
    """
    import pandas as pd

    from cleanbench.leaderboard.board import boards

    place = Path(root).expanduser()
    if not place.is_dir():
        raise UserError(f"there is no folder {place}; say where the boards are: read_leaderboard('DIR')")
    rows = [row for board in boards(place) for row in _rows(board.name, board.records())]
    if not rows:
        raise UserError(f"{place} holds no records; boards lie in it as <data set>/<truth revision>/records.jsonl")
    frame = pd.DataFrame.from_records(rows)
    numbers = [name.removesuffix("_low") for name in frame.columns if name.endswith("_low")]
    types = {f"{name}{end}": "float64" for name in numbers for end in ("", "_low", "_high")}
    return frame.astype(types | {name: "Int64" for name in ("encoder_seed", "dataset_seed") if name in frame})


def _rows(board: str, records: Iterable["Record"]) -> Iterable[dict[str, Any]]:
    from cleanbench.leaderboard.board import truth_of

    for record in records:
        truth = truth_of(record)
        yield {
            "board": board,
            "dataset": record.dataset,
            "issue": str(record.issue),
            "truth": truth.name,
            "truth_kind": truth.kind,
            "presumed_negatives": truth.presumed,
            "method": record.label,
            "encoder": record.encoder,
            "seed": record.seeds.method,
            "encoder_seed": record.seeds.encoder,
            "dataset_seed": record.seeds.dataset,
            "items": record.items,
            "faulty": record.faulty,
            "coverage": record.coverage,
            "supervised": record.supervised,
            "made_elsewhere": record.provenance is not None,
            **_metrics(record),
            "cpu_seconds": record.cost.total_cpu_seconds if record.cost else None,
            "peak_mib": record.cost.peak_mib if record.cost else None,
            "truth_revision": truth.set_revision,
            "fingerprint": record.fingerprint,
            "key": record.key,
            "created": record.created,
            "version": record.versions.get("cleanbench"),
        }


def _metrics(record: "Record") -> dict[str, float | None]:
    numbers: dict[str, float | None] = {}
    for name, measured in record.metrics.items():
        numbers |= {name: measured.value, f"{name}_low": measured.low, f"{name}_high": measured.high}
    return numbers
