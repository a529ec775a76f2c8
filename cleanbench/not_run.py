"""What did not run, and why: kept beside the runs, so that a board can say so instead of being silent.

No number rests on it, and nothing vouches for it: a check of a board finds a line that is none, or that belongs to no
board, but not another reason or another date.
"""

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from cleanbench.core import Issue, Need, UserError, digest_of
from cleanbench.records import Frozen, Record, explain
from cleanbench.request import Request
from cleanbench.store import make_folder, write_whole

FOLDER = "not_run"
# Of a failure only this is passed on: what broke may name files of the machine.
FAILED = "failed; the log of the run says how"


class NotRun(Frozen):
    """A method that ranked nothing for an issue with a truth.

    Attributes:
        method: Label of the method.
        encoder: Name of the encoder; None if the method reads no embeddings.
        issue: What it should have ranked.
        dataset: Name of the data set.
        fingerprint: Of its data.
        set_revision: Of its truths.
        reason: Why not, beginning with ``not run``, ``not applicable`` or ``failed``.
        created: ISO 8601, UTC.
    """

    method: str
    encoder: str | None
    issue: Issue
    dataset: str
    fingerprint: str
    set_revision: str
    reason: str
    created: str


def note(request: Request, reasons: Mapping[Issue, str]) -> None:
    """Keep what a request did not rank, or forget what an earlier one like it did not."""
    image_set, detector = request.image_set, request.detector
    parts = [json.dumps(request.method_config, sort_keys=True, default=str), request.encoder_name]
    name = f"{request.method}-{request.seeds.method}-{digest_of(parts)[:12]}.json"
    path = request.output / image_set.name / FOLDER / name
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    missing = [
        NotRun(
            method=request.label,
            encoder=request.encoder_name if Need.EMBEDDINGS in detector.needs_for(issue) else None,
            issue=issue,
            dataset=image_set.name,
            fingerprint=image_set.fingerprint,
            set_revision=image_set.truth_revision,
            reason=FAILED if reason.startswith("failed") else " ".join(reason.split()),
            created=created,
        )
        for issue, reason in reasons.items()
        if image_set.truth(issue) is not None
    ]
    if missing:
        make_folder(path.parent)
        write_whole(path, as_lines(missing).encode())
    else:
        path.unlink(missing_ok=True)


def read(path: Path) -> list[NotRun]:
    """Read lines of JSON; a file that does not exist has none.

    Raises:
        UserError: Naming the file, the line and what is wrong with it.
    """
    if not (path.exists() or path.is_symlink()):
        return []
    if not path.is_file():
        raise UserError(f"{path} is no file")
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: no UTF-8 text ({error})") from error
    found = []
    # Not `splitlines`: it also splits at characters that may stand inside a JSON string.
    for number, line in enumerate(text.split("\n") if text else [], start=1):
        try:
            found.append(NotRun.model_validate_json(line))
        except ValidationError as error:
            raise UserError(f"{path}, line {number}: {explain(error)}") from error
    return found


def settled(missing: Iterable[NotRun], records: Sequence[Record]) -> list[NotRun]:
    """Return what still did not run, of each method, encoder and issue the newest word, in the order of a board."""
    ran = {(record.issue, record.label, record.encoder) for record in records}
    newest = {
        (each.issue, each.method, each.encoder): each
        for each in sorted(missing, key=lambda each: (each.created, each.reason))
        if (each.issue, each.method, each.encoder) not in ran
    }
    return sorted(newest.values(), key=lambda each: (list(Issue).index(each.issue), each.method, each.encoder or ""))


def belongs(missing: NotRun, records: Sequence[Record]) -> bool:
    """Return whether something that did not run is about the data and truths of the records of a board."""
    return any(
        record.truth is not None
        and (missing.dataset, missing.fingerprint) == (record.dataset, record.fingerprint)
        and missing.set_revision == record.truth.set_revision
        for record in records[:1]
    )


def as_lines(missing: Iterable[NotRun]) -> str:
    """Return lines of JSON."""
    return "".join(f"{json.dumps(each.model_dump(mode='json'), ensure_ascii=False)}\n" for each in missing)
