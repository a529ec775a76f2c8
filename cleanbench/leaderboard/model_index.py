"""``python -m cleanbench.leaderboard.model_index``: results of a method for its model card on the Hub."""

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleanbench.commands import grammar
from cleanbench.core import Issue, UserError
from cleanbench.leaderboard.board import boards, truth_of
from cleanbench.leaderboard.contaminated import Variant
from cleanbench.leaderboard.rows import Row, rows_of
from cleanbench.metrics import METRICS
from cleanbench.records import Record
from cleanbench.spelling import nearest
from cleanbench.store import write_whole

SHOWN = ("AP", "AUROC", "P@100", "R@100", "FoE")


@dataclass(frozen=True)
class Options:
    """Write what the boards say of a method as a model index: YAML for the top of a model card on the Hub.

    Attributes:
        method: The method, as boards write it.
        encoder: Only results with this encoder, as boards write it.
        board: Where the boards are.
        dataset: Only this data set; by default all but contaminated variants of others.
        name: Name of the model in the card; by default method and encoder.
        file: Where to write; by default the terminal.
    """

    method: str
    encoder: str | None = None
    board: Path = Path("leaderboards")
    dataset: str | None = None
    name: str | None = None
    file: Path | None = None


def model_index(options: Options) -> int:
    """Write the model index."""
    import yaml

    content = yaml.safe_dump(index_of(options), sort_keys=False, allow_unicode=True)
    if options.file is None:
        sys.stdout.write(content)
    else:
        write_whole(options.file, content.encode())
    return 0


def index_of(options: Options) -> dict[str, Any]:
    """Return the model index as the Hub's model cards have it.

    Raises:
        UserError: If no board has such a method, or it ran with several encoders and none is named.
    """
    if not options.board.is_dir():
        raise UserError(f"there is no folder {options.board}; say where the boards are: board=DIR")
    rows = _rows(options)
    encoders = sorted({row.encoder for row in rows})
    if len(encoders) > 1:
        given = ", ".join(f"encoder={encoder}" for encoder in encoders)
        raise UserError(f"{options.method} ran with several encoders, and a model has one; choose: {given}")
    name = options.name or " on ".join(filter(None, (options.method, encoders[0])))
    return {"model-index": [{"name": name, "results": [_result(row) for row in rows]}]}


def _rows(options: Options) -> list[Row]:
    known: list[Row] = []
    for board in boards(options.board):
        records = [record for record in board.records() if _asked(record.dataset, options.dataset)]
        for issue in Issue:
            known += rows_of([record for record in records if record.issue is issue])
    own = [row for row in known if row.method == options.method]
    rows = [row for row in own if options.encoder in (None, row.encoder)]
    if rows:
        return rows
    where = f"the boards in {options.board}" + (f" on {options.dataset}" if options.dataset else "")
    if own and options.encoder is not None:
        encoders = sorted({row.encoder for row in own if row.encoder})
        told = nearest(options.encoder, encoders) if encoders else " It ran without one."
        raise UserError(f"{where} have no result of {options.method} with encoder {options.encoder}.{told}")
    # With settings that are not the default, a method is called by them, too.
    longer = sorted({row.method for row in known if row.records[0].method == options.method})
    names = longer or sorted({row.method for row in known})
    raise UserError(f"{where} have no result of {options.method}.{nearest(options.method, names)}")


def _asked(dataset: str, only: str | None) -> bool:
    return Variant.of(dataset) is None if only is None else dataset == only


def _result(row: Row) -> dict[str, Any]:
    record = row.records[0]
    truth = truth_of(record)
    return {
        "task": {"type": "other", "name": f"{record.issue.heading} detection"},
        "dataset": {
            "type": record.dataset,
            "name": record.dataset,
            "revision": truth.set_revision,
            "args": {
                "truth": truth.origin,
                "items": record.items,
                "faulty": record.faulty,
                "fingerprint": record.fingerprint,
            },
        },
        "metrics": [_metric(name, row.records) for name in SHOWN if row.values(name)],
    }


def _metric(name: str, records: Sequence[Record]) -> dict[str, Any]:
    values = [record.metrics[name].value for record in records]
    defined = [value for value in values if value is not None]
    chance = METRICS[name].chance(records[0].faulty, records[0].items)
    return {
        "type": name,
        "name": name,
        "value": statistics.fmean(defined),
        "args": {"chance": chance, "seeds": len(defined), "meaning": METRICS[name].description},
    }


if __name__ == "__main__":
    grammar.run("python -m cleanbench.leaderboard.model_index", Options, model_index)
