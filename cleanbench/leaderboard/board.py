"""A board: where its files lie, which of several records stands, and what its records share."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import Issue, UserError, digest_of
from cleanbench.leaderboard.rows import SHOWN
from cleanbench.metrics import METRICS
from cleanbench.records import Record, TruthName, read_records

INCOMING = "incoming"  # beside the boards: submissions that are on none yet
STRAY = 1e-9  # beyond what a metric can reach: no more than rounding


@dataclass(frozen=True)
class Board:
    """The folder of one data set and one revision of its truth."""

    folder: Path

    @classmethod
    def of(cls, root: Path, record: Record) -> "Board":
        """Return the board that a record belongs to.

        Raises:
            UserError: If the record's data set or revision cannot name a folder.
        """
        revision = truth_of(record).set_revision
        if not re.fullmatch(r"[0-9a-f]{8,64}", revision):
            raise UserError(f"the truth revision {revision!r} is no SHA-256 in hexadecimal")
        if record.dataset in ("", INCOMING) or record.dataset.startswith(".") or re.search(r"[/\\\0]", record.dataset):
            raise UserError(f"the data set's name {record.dataset!r} cannot name a folder")
        return cls(root / record.dataset / revision[:8])

    @property
    def name(self) -> str:
        """Data set and revision, as the folder is called."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def records_file(self) -> Path:
        """The records, one per line, in the order of `settled`."""
        return self.folder / "records.jsonl"

    @property
    def not_run_file(self) -> Path:
        """What did not run, one per line, if there is any."""
        return self.folder / "not_run.jsonl"

    def records(self) -> list[Record]:
        """Read the records; a board that does not exist yet has none.

        Raises:
            UserError: Naming the file, the line and what is wrong with it: also a record without truth, or with
                metrics that no page can show.
        """
        records = read_records(self.records_file)
        for number, record in enumerate(records, start=1):
            for reason in _unfit(record):
                raise UserError(f"{self.records_file}, line {number}: {reason}")
        return records

    @property
    def superseded_file(self) -> Path:
        """The records that once stood and were replaced, in the order in which that happened; it only grows."""
        return self.folder / "superseded.jsonl"

    @property
    def merging_file(self) -> Path:
        """The rankings that a merge is adding or removing right now; it stays only where a merge is cut short."""
        return self.folder / ".merging"

    def truth(self, issue: Issue) -> Path:
        """Return where the judgements of an issue lie."""
        return self.folder / "truth" / f"{issue}.parquet"

    def ranking(self, record: Record) -> Path:
        """Return where the ranking of a record lies."""
        return self.folder / "rankings" / record.issue / f"{stem(record)}-{fingerprint_of(record)[:8]}.parquet"

    def table(self, issue: Issue) -> Path:
        """Return where the table of an issue lies."""
        return self.folder / f"{issue}.md"

    def by_encoder(self, issue: Issue) -> Path:
        """Return where the tables of an issue by encoder lie, if there are any."""
        return self.folder / f"{issue}_by_encoder.md"

    def exported(self, issue: Issue, suffix: str) -> Path:
        """Return where the table of an issue lies for other programs: ``.csv``, ``.json`` or ``.tex``."""
        return self.folder / f"{issue}{suffix}"

    def site(self, issue: Issue) -> Path:
        """Return where the page of an issue lies that browsers show."""
        return self.folder / f"{issue}.html"

    def entry(self, issue: Issue, name: str) -> Path:
        """Return where the page of a line of that page lies."""
        return self.folder / str(issue) / f"{name}.html"

    def grid(self, issue: Issue) -> Path:
        """Return where the heat map of an issue lies, beside the tables by encoder."""
        return self.folder / f"{issue}_grid.svg"

    def picture(self, name: str) -> Path:
        """Return where the small copy of an image lies, if its licence lets a board show it."""
        return self.pictures / f"{digest_of([name])[:16]}.jpg"

    @property
    def pictures(self) -> Path:
        """The folder of small copies of images."""
        return self.folder / "pictures"

    @property
    def picture_sums(self) -> Path:
        """The SHA-256 of these."""
        return self.pictures / "SHA256SUMS"

    def pages(self) -> list[Path]:
        """Return the files there that were rendered from records, sorted."""
        absent = [self.not_run_file] if self.not_run_file.exists() else []
        return sorted([*absent, *(path for issue in Issue for path in self.pages_of(issue))])

    def pages_of(self, issue: Issue) -> list[Path]:
        """Return those of `pages` that are about one issue, sorted."""
        kinds = (".md", ".svg", ".csv", ".json", ".tex", ".html")
        names = {f"{issue}{end}" for end in ("", "_by_encoder", "_grid")}
        tables = (path for path in self.folder.glob(f"{issue}*.*") if path.stem in names and path.suffix in kinds)
        return sorted([*tables, *self.folder.glob(f"{issue}/*.html")])


def boards(root: Path) -> list[Board]:
    """Return the boards in a folder, sorted by data set and revision; links are not followed."""
    sets = [folder for folder in _folders(root) if folder.name != INCOMING]
    return [Board(folder) for dataset in sets for folder in _folders(dataset)]


def truth_of(record: Record) -> TruthName:
    """Return what a record was scored against.

    Raises:
        UserError: If it was not scored.
    """
    if record.truth is None:
        raise UserError("the record has no truth; what is not scored is on no board")
    return record.truth


def settled(records: Iterable[Record]) -> list[Record]:
    """Return the records that stand, in the order of a board, whatever order they come in.

    Of several records of one method on one issue with the same encoder and seeds the newest stands: its code, a
    version or the machine has changed. A repetition that changed no number replaces nothing, whatever version made it,
    but a record that holds the digest of its ranking replaces the same one without.
    """
    standing: dict[str, Record] = {}
    for record in sorted(records, key=_age):
        place = _place(record)
        before = standing.get(place)
        if before is None or not _repeats(record, before):
            standing[place] = record
    return sorted(standing.values(), key=lambda record: (list(Issue).index(record.issue), _place(record)))


def _repeats(record: Record, before: Record) -> bool:
    same = record.key == before.key or (record.ranking != "" and record.ranking == before.ranking)
    return same and record.metrics == before.metrics


def stem(record: Record) -> str:
    """Return the readable part of a ranking's file name: method, encoder, seed and run key."""
    parts = (record.label, record.encoder or "none", str(record.seeds.method), record.key[:12])
    return "-".join(re.sub(r"[^A-Za-z0-9._=]+", "-", part).strip("-.")[:60] for part in parts)


def fingerprint_of(record: Record) -> str:
    """Return the SHA-256 of all that a record says.

    It is part of the ranking's file name, so that a record that was edited no longer finds its ranking, and the
    rankings of a record and of its successor lie side by side while one replaces the other. Fields at their default
    are left out: a field that a later version adds does not rename the rankings of earlier records.
    """
    return digest_of([json.dumps(record.model_dump(mode="json", exclude_defaults=True), sort_keys=True)])


def strangers(record: Record, known: Sequence[Record]) -> Iterator[str]:
    """Say what keeps a record off the board of ``known`` records: numbers that may not stand in one table."""
    if not known:
        return
    first, truth = known[0], truth_of(record)
    if record.fingerprint != first.fingerprint:
        yield (
            f"its data have the fingerprint {record.fingerprint[:12]}, those of the board {first.fingerprint[:12]}: "
            f"other pixels or labels under the same name and truth"
        )
    elif record.images != first.images:
        yield f"it counts {record.images} images, the board {first.images}"
    if truth.set_revision != truth_of(first).set_revision:
        yield f"its truth revision is {truth.set_revision}, that of the board {truth_of(first).set_revision}"
    for other in (each for each in known if each.issue is record.issue):
        for part in ("revision", "name", "kind"):
            mine, theirs = getattr(truth, part), getattr(truth_of(other), part)
            if mine != theirs:
                yield f"the {part} of its {record.issue} truth is {mine}, that of the board {theirs}"
        return


def _place(record: Record) -> str:
    """Return what at most one record of a board has: the sort key within an issue, too."""
    encoder = {} if record.encoder_detail is None else record.encoder_detail.settings
    # An encoder of the same name with other settings is another representation; its seed is among the seeds.
    settings = json.dumps({name: value for name, value in encoder.items() if name != "seed"}, sort_keys=True)
    return "\0".join([record.issue, record.label, record.encoder or "", settings, record.seeds.model_dump_json()])


def _age(record: Record) -> tuple[str, str, bool, str]:
    """Order records by time; records of the same second have a fixed order, too."""
    return record.created, record.key, not record.ranking, fingerprint_of(record)


def _unfit(record: Record) -> Iterator[str]:
    """Say why a record can be on no board whose pages this version writes."""
    if record.truth is None:
        yield "the record has no truth; what is not scored is on no board"
    if missing := [name for name in SHOWN if name not in record.metrics]:
        yield f"metrics: {', '.join(missing)} missing"
    for name, measured in record.metrics.items():
        if name not in METRICS:
            yield f"metrics: {name!r} is none that this version knows"
            continue
        low, high = METRICS[name].span
        for value in (measured.value, measured.low, measured.high):
            if value is not None and not low - STRAY <= value <= high + STRAY:
                yield f"metrics.{name}: {value!r} is not between {low:g} and {high:g}"


def _folders(parent: Path) -> list[Path]:
    found = (path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(path for path in found if not path.name.startswith("."))
