"""The page of a run: what was asked, what came out, and what a reader must know before believing it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from cleanbench import __version__
from cleanbench.core import Issue
from cleanbench.image_set import Card, ImageSet
from cleanbench.licence import may_show_images, not_for_sharing
from cleanbench.records import Record
from cleanbench.report import charts, sentences
from cleanbench.report.contact_sheets import Album
from cleanbench.report.finished import Finished
from cleanbench.report.issue_section import charts as charts_of
from cleanbench.report.issue_section import headline, issue_section
from cleanbench.report.page import (
    Column,
    Html,
    Section,
    bullets,
    code,
    document,
    escaped,
    facts,
    folded,
    note,
    paragraph,
    section,
    table,
)


@dataclass(frozen=True)
class Report:
    """A page and the files that belong to it.

    Attributes:
        html: The page.
        figures: Contents of SVG and CSV files by name: what the page draws, for other pages and programs.
    """

    html: str
    figures: Mapping[str, str]


def run_page(run: Finished, image_set: ImageSet | None, warnings: Sequence[str] = ()) -> Report:
    """Return the report of a run.

    Args:
        run: The run.
        image_set: What it ran on; None: the page shows no images and knows the data only from the run's records.
        warnings: What was noticed besides, in sentences.
    """
    issues = [run.ranked[issue] for issue in Issue if issue in run.ranked]
    detector = _detector(run)
    album = None if image_set is None or not may_show_images(image_set.card, shared=False) else Album(image_set)
    drawn = {each.issue: charts_of(each) for each in issues}
    sections = [issue_section(each, drawn[each.issue], album, image_set) for each in issues]
    if run.run.not_ranked:
        rows = [(issue.heading, reason) for issue, reason in run.run.not_ranked.items()]
        sections.append(section("Not ranked", table(["Issue", "Why there is no ranking"], rows)))
    sections += [_asked(run), _data(run.first, None if image_set is None else image_set.card), _files(run)]
    said = [*run.run.warnings, *warnings]
    said += [text for record in run.run.records for text in sentences.warnings_of_run(record)]
    said.append(sentences.unknown_seed_variance(run.first, bool(getattr(detector, "stochastic", False))))
    lead = [
        _sharing(album),
        _subtitle(run, detector),
        *(note(text, warning=True) for text in dict.fromkeys(said) if text),
    ]
    if images := _no_images(image_set):
        lead.append(note(images))
    title = f"{run.first.label} on {run.first.dataset}"
    html = document(title, sections, [*lead, headline(issues)], made(), style=style())
    figures = {
        f"{issue}_{name}.{ending}": content
        for issue, those in drawn.items()
        for name, chart in those.items()
        for ending, content in (("svg", chart.file()), ("csv", chart.csv()))
    }
    return Report(html, figures)


def style() -> str:
    """Return the style of reports."""
    return _style() + charts.colours() + charts.style()


def made() -> str:
    """Say what made a page."""
    return f"Made by cleanbench {__version__} from a run folder; everything on this page is part of the file."


def card_facts(card: Card) -> Html:
    """Return what a card says of a data set."""
    pairs = [
        ("What it shows", card.description),
        ("Licence", card.licence),
        ("Source", card.source),
        ("Citation", card.citation),
        ("Identifier", card.identifier),
        ("Grouping", card.grouping),
        ("Capture", card.capture),
        *((f"Truth: {name.replace('_', ' ')}", text) for name, text in card.truths.items()),
    ]
    stated = facts((name, text or "not stated") for name, text in pairs)
    return Html(stated + (bullets(card.blemishes) if card.blemishes else ""))


@cache
def _style() -> str:
    return resources.files("cleanbench.report").joinpath("report.css").read_text(encoding="utf-8")


def _sharing(album: Album | None) -> Html:
    text = "" if album is None else not_for_sharing(album.image_set.card)
    return note(text, warning=True) if text else Html("")


def _no_images(image_set: ImageSet | None) -> str:
    if image_set is None:
        return (
            "The images were not at hand when this page was made; python -m cleanbench.report makes it again with them."
        )
    return ""


def _subtitle(run: Finished, detector: type | None) -> Html:
    first = run.first
    purpose = (getattr(detector, "__doc__", None) or "").strip().split("\n")[0].rstrip(".")
    encoder = next((record.encoder for record in run.run.records if record.encoder), None)
    seen = f"with embeddings of {encoder}" if encoder else "without an encoder"
    ran = f"Ran {seen}, seed {first.seeds.method}, on {first.images:,} images, {first.created[:10]}."
    return paragraph(f"{purpose}. {ran}" if purpose else ran)


def _detector(run: Finished) -> type | None:
    """Return the class of the method; None where its code is not at hand."""
    from hydra.utils import get_class

    with suppress(Exception):  # whatever the import of somebody's method may raise
        return get_class(run.settings["method"]["_target_"])
    return None


def _asked(run: Finished) -> Section:
    first = run.first
    detail = next((record.encoder_detail for record in run.run.records if record.encoder_detail), None)
    encoder = next((record.encoder for record in run.run.records if record.encoder), None)
    seeds = [f"{name} {seed}" for name, seed in first.seeds.model_dump().items() if seed is not None]
    pairs: list[tuple[str, str]] = [("Method", first.method), ("Settings", _settings(first.settings, first.changed))]
    if encoder and detail:
        pairs += [
            ("Encoder", encoder),
            ("Its settings", _settings(detail.settings, {})),
            ("Its weights", code(detail.digest)),
        ]
    pairs += [
        ("Seeds", ", ".join(seeds)),
        ("Data", f"{first.dataset}, {first.images:,} images"),
        ("Fingerprint", code(first.fingerprint)),
    ]
    for record in run.run.records:
        if record.truth is not None:
            truth = record.truth
            pairs.append(
                (
                    f"Truth: {record.issue.heading.lower()}",
                    Html(f"{escaped(f'{truth.name}, {truth.kind}, revision ')}{code(truth.revision)}"),
                )
            )
    pairs.append(("Run", code(first.key)))
    if run.command:
        pairs.append(("To repeat it", code(run.command)))
    versions = folded("Versions", facts((name, version) for name, version in first.versions.items()))
    return section("What was asked", facts(pairs), versions)


def _settings(settings: Mapping[str, Any], changed: Mapping[str, Any]) -> Html:
    if not settings:
        return Html("none")
    cells = [
        f"{code(f'{name}={json.dumps(given, ensure_ascii=False)}')}{' (changed)' if name in changed else ''}"
        for name, given in settings.items()
    ]
    return Html(", ".join(cells))


def _data(record: Record, card: Card | None) -> Section:
    terms = sentences.terms(record)
    parts = [paragraph(terms)] if terms else []
    if card is not None:
        parts.append(card_facts(card))
    elif not parts:
        parts.append(paragraph("The run keeps nothing of the data set's card."))
    return section("The data", *parts)


def _files(run: Finished) -> Section:
    rows: list[list[str]] = [
        [
            record.issue.heading,
            f"{record.cost.total_cpu_seconds:.1f}",
            f"{record.cost.wall_seconds:.1f}",
            f"{record.cost.peak_mib:,.0f}",
        ]
        for record in run.run.records
        if record.cost is not None
    ]
    head: list[str | Column] = ["Issue", Column("CPU s"), Column("Elapsed s"), Column("Peak MiB")]
    cost = table(head, rows, "CPU seconds with those of the work that issues share; memory of the whole process.")
    detail = next((record.encoder_detail for record in run.run.records if record.encoder_detail), None)
    spent = detail.cost if detail else None
    parts = [cost]
    if spent is not None:
        took = f"{spent.cpu_seconds:,.1f} CPU s and {spent.peak_mib:,.0f} MiB"
        parts.append(paragraph(f"The embeddings, made once for all methods, took {took}."))
    return section("Cost and files", *parts, _contents(run))


def _contents(run: Finished) -> Html:
    explained: Iterable[tuple[str, str]] = (
        ("record.json", "every number above, with all that made it"),
        ("rankings/", "id (or id_a, id_b) and score, the most suspicious first"),
        ("config.yaml", "the resolved configuration"),
        ("environment.json", "machine, Python, every installed package"),
        ("training.png", "how the encoder learned"),
        ("log.txt", "what the method printed"),
        ("report/", "the figures above as SVG and CSV"),
    )
    there = [(name, text) for name, text in explained if name == "report/" or (run.folder / name).exists()]
    return Html(f"<p>In {code(str(run.folder))}:</p>{facts(there)}")
