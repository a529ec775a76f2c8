"""One line of a board as a page: a method with one encoder, its records, metrics, curves, settings and cost."""

import json
import re
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cleanbench.core import digest_of
from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.curves import Curve, mean_of, thinned
from cleanbench.leaderboard.entries import Entry
from cleanbench.leaderboard.evidence import Look
from cleanbench.leaderboard.markdown import NOTHING
from cleanbench.leaderboard.rows import mean
from cleanbench.leaderboard.site.drawings import effort_chart, precision_chart
from cleanbench.leaderboard.site.words import badge, from_markdown, number
from cleanbench.leaderboard.tables import KINDS, facts, terms_of
from cleanbench.licence import sentence
from cleanbench.metrics import METRICS
from cleanbench.records import Measured, Record
from cleanbench.report import page
from cleanbench.report.page import Column, Html
from cleanbench.sampled import population

JUDGED = {True: "faulty", False: "not faulty", None: "not judged"}
WRITTEN = (
    "Written by python -m cleanbench.leaderboard from records.jsonl, rankings/ and truth/; its --check computes every "
    "number again."
)


def stem(entry: Entry) -> str:
    """Return what the page is called, and the line on its board: the same, whatever else is on the board."""
    first = entry.records[0]
    settings = {} if first.encoder_detail is None else dict(first.encoder_detail.settings)
    settings.pop("seed", None)
    digest = digest_of([first.label, first.encoder or "", json.dumps(settings, sort_keys=True)])
    names = (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] for name in (first.label, first.encoder or ""))
    return "-".join([*filter(None, names), digest[:8]])


def entry_page(entry: Entry, looks: Mapping[str, Look], pictures: Collection[Path], board: Board, style: str) -> str:
    """Render the page of a line.

    Args:
        entry: The line.
        looks: At the rankings, by the records' keys; none where one could not be read.
        pictures: Small copies of images that may be shown and are there.
        board: Its board.
        style: Of the site.
    """
    first = entry.records[0]
    own = [looks[record.key] for record in entry.records if record.key in looks]
    truth = truth_of(first)
    crumbs = page.paragraph(
        page.link("All boards", "../../../index.html"), " / ",
        page.link(f"{first.issue.heading} on {first.dataset}", f"../{first.issue}.html#{stem(entry)}"),
    )  # fmt: skip
    sections = [
        page.section("Curves", *_curves([look.curve for look in own if look.curve is not None])),
        page.section("Top of the ranking", *_top(entry, own, pictures, board), anchor="top"),
        page.section("Metrics", _metrics(entry)),
        page.section("Settings", *_settings(entry)),
        page.section("Cost", _cost(entry)),
        page.section("Records", *[_record(record, board) for record in entry.records]),
        page.section("Data and truth", page.bullets(_data(entry))),
    ]
    return page.document(
        f"{entry.title}: {first.issue.heading.lower()}, {first.dataset}",
        sections,
        lead=[
            crumbs,
            page.paragraph("Truth: ", badge(truth.kind, presumed=truth.presumed), ". ", *_remarks(entry, truth.kind)),
        ],
        footer=WRITTEN,
        style=style,
        pictures=bool(pictures),
    )


def _data(entry: Entry) -> Iterable[str]:
    """Say what the numbers rest on, and under which licence; the board says the rest."""
    first, terms = entry.records[0], terms_of(entry.records)
    yield from map(from_markdown, facts([first.model_copy(update={"terms": None})]))
    if terms is not None:
        yield sentence(terms)


def _remarks(entry: Entry, kind: str) -> Iterable[str]:
    if kind == "synthetic":
        yield from_markdown(KINDS[kind].partition(". ")[2] + ".")
    if entry.supervised:
        yield " Supervised: the method was told labels that are stated to be right."
    if entry.row.foreign:
        papers = sorted({record.paper_encoder or "" for record in entry.records})
        yield f" The method's paper reports on another encoder, {', '.join(papers)}."
    if entry.coverage < 1:
        yield f" It scored {entry.coverage:.1%} of the items; the others rank last."


def _metrics(entry: Entry) -> Html:
    """Return all metrics: of every seed, and their mean."""
    several = len(entry.records) > 1
    first = entry.records[0]
    seeds = [f"Seed {record.seeds.method}" if several else "Value" for record in entry.records]
    head = ["Metric", *(["Mean ± sd"] if several else []), "By chance", *seeds]
    columns = [Column(name) if name != "Metric" else name for name in head]
    rows = []
    for name in first.metrics:
        metric = METRICS.get(name)
        measured = [record.metrics[name] for record in entry.records if name in record.metrics]
        rows.append([
            name,
            *([_mean(entry, name)] if several else []),
            number(metric.chance(*population(first))) if metric else NOTHING,
            *[_value(value) for value in measured],
            *[NOTHING] * (len(seeds) - len(measured)),
        ])  # fmt: skip
    intervals = any(value.low is not None for record in entry.records for value in record.metrics.values())
    caption = "Higher is better, except FoE. " + (
        "In brackets: 95 % intervals, as on the board." if intervals else "The records have no intervals."
    )
    return page.joined(page.table(columns, rows, caption), page.bullets([*_meanings(first), *_cuts(entry)]))


def _meanings(record: Record) -> list[str]:
    """Say what the metrics are, and why some have no value; what is said of several is said once."""
    told: dict[str, list[str]] = {}
    for name, measured in record.metrics.items():
        told.setdefault(METRICS[name].description if name in METRICS else "", []).append(name)
        if measured.reason:
            told.setdefault(f"undefined, {measured.reason}", []).append(name)
    return [f"{', '.join(names)}: {meaning}." for meaning, names in told.items() if meaning]


def _cuts(entry: Entry) -> list[str]:
    """Say what the method flags by itself."""
    told = []
    for record in entry.records:
        if (cut := record.cut) is not None:
            numbers = ", ".join(f"{name} {_value(getattr(cut, name))}" for name in ("precision", "recall", "f1"))
            told.append(f"Its own cut, seed {record.seeds.method}: {cut.flagged:,} flagged, {numbers}.")
    return told


def _value(measured: Measured) -> str:
    if measured.value is None:
        return NOTHING
    ends = "" if measured.low is None or measured.high is None else f" [{measured.low:.3f}, {measured.high:.3f}]"
    return f"{measured.value:.3f}{ends}"


def _mean(entry: Entry, name: str) -> str:
    values, interval = entry.row.values(name), entry.row.interval(name)
    if not values:
        return NOTHING
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}" + (f" [{interval.low:.3f}, {interval.high:.3f}]" if interval else "")


def _curves(curves: Sequence[Curve]) -> list[Html]:
    if not curves or not curves[0][-1][1]:
        return [
            page.paragraph(
                "There is no curve: nothing is faulty, only a sample was judged, or no ranking could be read."
            )
        ]
    drawn = [thinned(curve) for curve in curves]
    middle = thinned(mean_of(curves)) if len(curves) > 1 else None
    lines = "Thick: the mean over seeds; thin: every seed. " if middle else ""
    caption = f"{lines}Dashed: a random order. Between corners as expected of tied items."
    return [
        Html(
            f'<figure><div class="charts">{effort_chart(drawn, middle)}{precision_chart(drawn, middle)}</div>'
            f"<figcaption>{page.escaped(caption)}</figcaption></figure>"
        )
    ]


def _top(entry: Entry, looks: Sequence[Look], pictures: Collection[Path], board: Board) -> list[Html]:
    """Return the most suspicious items of the first seed, with pictures where they may be shown."""
    if not looks:
        return [page.paragraph("No ranking could be read.")]
    first, issue = looks[0].top, entry.records[0].issue
    seed = f" of seed {entry.records[0].seeds.method}" if len(entry.records) > 1 else ""
    caption = f"The most suspicious {'pairs' if issue.ranks_pairs else 'images'}{seed}, by score, then by id."
    shown = [[board.picture(name) for name in suspect.ids] for suspect in first]
    if first and all(path in pictures for paths in shown for path in paths):
        tiles = [
            page.Tile(
                [f"../{path.relative_to(board.folder).as_posix()}" for path in paths],
                f"{place}. {' and '.join(suspect.ids)}: {suspect.score:.4g}, {JUDGED[suspect.faulty]}",
                f"Item {place}",
                marked=suspect.faulty is True,
            )
            for place, (suspect, paths) in enumerate(zip(first, shown, strict=True), start=1)
        ]
        return [page.contact_sheet(tiles, f"{caption} Framed: faulty.")]
    rows = [
        [str(place), " and ".join(suspect.ids), f"{suspect.score:.4g}", JUDGED[suspect.faulty]]
        for place, suspect in enumerate(first, start=1)
    ]
    return [page.table(["Place", "Id", Column("Score"), "Truth"], rows, caption)]


def _settings(entry: Entry) -> list[Html]:
    first = entry.records[0]
    parts = [_pairs(first.settings, set() if entry.row.submitted else set(first.changed))]
    if first.provenance is not None:
        parts.append(page.paragraph("By the word of who handed the ranking in."))
    elif first.changed:
        parts.append(page.paragraph("Set off: not the configuration's default."))
    if first.encoder_detail is not None:
        parts += [
            Html(f"<h3>Encoder {page.code(first.encoder or '')}</h3>"),
            _pairs(first.encoder_detail.settings, set()),
        ]
    return parts


def _pairs(settings: Mapping[str, Any], marked: set[str]) -> Html:
    if not settings:
        return page.paragraph("There are no settings.")
    pairs = []
    for name, value in settings.items():
        shown = page.code(json.dumps(value, ensure_ascii=False))
        pairs.append((name, Html(f"<strong>{shown}</strong>") if name in marked else shown))
    return page.facts(pairs)


def _cost(entry: Entry) -> Html:
    head: list[str | Column] = [
        "Seed",
        *map(Column, ("CPU s", "of it shared by issues", "Wall s", "Peak MiB", "of it at the start")),
    ]
    rows = [
        [
            str(record.seeds.method),
            f"{cost.total_cpu_seconds:.1f}",
            f"{cost.fit_cpu_seconds:.1f}",
            f"{cost.wall_seconds:.1f}",
            f"{cost.peak_mib:.0f}",
            f"{cost.base_mib:.0f}",
        ]
        for record in entry.records
        if (cost := record.cost) is not None
    ]
    if not rows:
        return page.paragraph("The ranking was made elsewhere; what it cost was not measured here.")
    spent = entry.encoder_cpu_seconds
    beside = "" if spent is None else f" The embeddings took another {spent:.1f} CPU seconds, once for all methods."
    return page.table(head, rows, f"User and system time, and highest memory, without the encoder.{beside}")


def _record(record: Record, board: Board) -> Html:
    ranking = board.ranking(record).relative_to(board.folder).as_posix()
    detail = record.encoder_detail
    seeds = ", ".join(f"{name} {seed}" for name, seed in record.seeds.model_dump().items() if seed is not None)
    handed_in = record.provenance is not None
    pairs = [
        ("Ranking", page.link(ranking.rpartition("/")[2], f"../{quote(ranking)}")),
        ("Line of records.jsonl", Html(f"{page.link('records.jsonl', '../records.jsonl')}, key {_digest(record.key)}")),
        ("Seeds, 0 unless stated" if handed_in else "Seeds", seeds),
        ("Fingerprint of the data", _digest(record.fingerprint)),
        ("Truth", Html(f"{page.code(truth_of(record).name)}, revision {_digest(truth_of(record).revision)}")),
        *([] if detail is None else [("Encoder weights", _digest(detail.digest)), ("Embeddings", _digest(detail.key))]),
        (
            "Scored with" if handed_in else "Versions",
            ", ".join(f"{name} {version}" for name, version in record.versions.items()),
        ),
        ("Scored" if handed_in else "Created", record.created),
        *[(name, text) for name, text in _made(record).items() if text],
        *_origin(record),
        *[(f"Note: {name}", str(value)) for name, value in record.notes.items()],
    ]
    anchor = f"seed-{record.seeds.method}-{record.key[:8]}"
    return Html(f'<h3 id="{anchor}">Seed {record.seeds.method}</h3>{page.facts(pairs)}')


def _made(record: Record) -> dict[str, str]:
    """Say who made a ranking, under which licence, and on what."""
    machine = "Scored on" if record.provenance is not None else "Machine"
    return {"Ranking made by": record.who, "Licence of the ranking": record.licence, machine: record.machine}


def _origin(record: Record) -> list[tuple[str, str]]:
    """Say where a ranking comes from that was made elsewhere, by its author's word."""
    if record.provenance is None:
        return []
    stated = record.provenance.model_dump(exclude_none=True)
    return [(f"Stated {name.replace('_', ' ')}", str(value)) for name, value in stated.items() if value != ""]


def _digest(digest: str) -> Html:
    return Html(f'<code title="{page.escaped(digest)}">{page.escaped(digest[:12])}</code>')
