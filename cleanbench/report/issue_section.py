"""One issue of a run: findings in words, curves, the top of the ranking, what it missed, every metric."""

from collections.abc import Mapping, Sequence

import numpy as np

from cleanbench.core import Issue
from cleanbench.doubt.posterior import Doubted
from cleanbench.image_set import ImageSet
from cleanbench.metrics import METRICS
from cleanbench.report import contact_sheets, sentences
from cleanbench.report.charts import Chart, Line
from cleanbench.report.contact_sheets import Album
from cleanbench.report.curves import CURVES, Curve, bands
from cleanbench.report.doubted import of_one
from cleanbench.report.finished import FAULTY, NOT_JUDGED, Ranked
from cleanbench.report.page import Column, Html, Section, folded, note, paragraph, section, table
from cleanbench.report.review_section import review_parts, slice_parts
from cleanbench.report.values import number, value
from cleanbench.unjudged.measures import Partly

DIAGONAL = Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
BY_CHANCE, PERFECT = "a random order", "a perfect order"
TITLES = {"precision_recall": "Precision over recall", "roc": "ROC", "effort": "Effort"}
AXES = {
    "precision_recall": ("recall: share of faults found", "precision"),
    "roc": ("share of the clean ones reviewed", "share of faults found"),
    "effort": ("share of the judged ones reviewed", "share of faults found"),
}


def charts(ranked: Ranked) -> dict[str, Chart]:
    """Return the charts of an issue by name; none where not both faulty and clean items were judged."""
    if not ranked.has_curves or ranked.judged is None:
        return {}
    limits = bands(ranked.judged.labels, ranked.judged_scores, ranked.judged.positions)
    own = ranked.record.label
    found = {}
    for name, curve_of in CURVES.items():
        shown = Line(own, curve_of(ranked.levels), band=limits[name])
        found[name] = Chart(
            TITLES[name], *AXES[name], [*references(name, ranked.record.faulty, ranked.record.items), shown]
        )
    return found


def references(name: str, faulty: int, items: int) -> list[Line]:
    """Return the curves of a random order and, where it tells something, of a perfect one."""
    prevalence = faulty / items
    if name == "precision_recall":
        return [Line(BY_CHANCE, Curve(np.array([0.0, 1.0]), np.full(2, prevalence)), "chance")]
    chance = Line(BY_CHANCE, DIAGONAL, "chance")
    if name == "roc":
        return [chance]
    return [chance, Line(PERFECT, Curve(np.array([0.0, prevalence, 1.0]), np.array([0.0, 1.0, 1.0])), "perfect")]


def issue_section(
    ranked: Ranked, drawn: Mapping[str, Chart], album: Album | None, image_set: ImageSet | None
) -> Section:
    """Return the section of an issue.

    Args:
        ranked: The issue.
        drawn: Its `charts`.
        album: Where thumbnails come from; None: no images are shown.
        image_set: What is known of the images; None: nothing.
    """
    record = ranked.record
    parts: list[Html] = [_findings(ranked)]
    parts += [note(text, warning=True) for text in sentences.warnings_of(record)]
    parts += [note(f"{name.replace('_', ' ')}: {value}") for name, value in record.notes.items()]
    if drawn:
        parts.append(_curves(ranked, drawn))
    if album is not None:
        parts.append(Html("<h3>The top of the ranking</h3>"))
        parts.append(_sheet(ranked, contact_sheets.top(ranked, album)) or paragraph("Nothing got a score."))
        if missed := contact_sheets.missed(ranked, album):
            parts += [Html("<h3>What it missed</h3>"), _sheet(ranked, missed)]
        if ranked.queue is not None and (queued := contact_sheets.top(ranked.queue, album, queued=True)):
            parts += [Html("<h3>The most suspicious of all pairs</h3>"), _sheet(ranked, queued)]
    else:
        parts.append(_list(ranked))
    parts += review_parts(ranked)
    if ranked.has_curves and ranked.judged is not None and ranked.judged.probability is not None:
        known = Doubted(ranked.judged.probability, ranked.judged.labels, {record.label: ranked.judged_scores})
        parts += [Html("<h3>If labels are in doubt</h3>"), of_one(known)]
    if image_set is not None:
        parts += slice_parts(ranked, image_set)
    if record.truth is not None and record.items:
        parts.append(folded("Every metric", _metrics(ranked)))
    return section(ranked.issue.heading, *parts, anchor=ranked.issue)


def headline(ranked: Sequence[Ranked]) -> Html:
    """Return the first table of a report: an issue in a row."""
    scored = [each for each in ranked if each.record.truth is not None and each.record.items]
    if not scored:
        return Html("")
    columns = ("Judged", "Faulty", "AP", "by chance", "AUROC", "P@10", "R@10%")
    rows: list[list[str | int]] = []
    for each in scored:
        record = each.record
        row: list[str | int] = [each.issue.heading, record.items, record.faulty]
        row += [value(record.metrics["AP"]), number(sentences.chance_of(record, "AP")), value(record.metrics["AUROC"])]
        row += [number(record.metrics[name].value) for name in ("P@10", "R@10%")]
        rows.append(row)
    return table(
        ["Issue", *map(Column, columns)],
        rows,
        "Of the items that were judged; in brackets 95% intervals where there are any.",
    )


def band_in_words(issue: Issue) -> str:
    """Say what a band is."""
    drawn = (
        "pairs drawn anew, with the images or groups of pairs that they share"
        if issue.ranks_pairs
        else "images drawn anew"
    )
    return (
        f"Shaded: where 95% of the curves of {drawn} lie, at each place by itself (Bayesian bootstrap); along 0 and 1 "
        "it is too narrow."
    )


def _findings(ranked: Ranked) -> Html:
    record = ranked.record
    said = [sentences.judged(record), sentences.against_chance(record)]
    if not ranked.is_sample:
        said += [sentences.of_effort(record, ranked.levels), sentences.to_find(record, ranked.levels)]
        said.append(_unjudged(ranked))
    return Html(f'<div class="findings">{"".join(paragraph(text) for text in said if text)}</div>')


def _unjudged(ranked: Ranked) -> str:
    """Say what of the top was judged: of all images, or of the queue of all pairs, if that is known."""
    all_of = ranked.queue if ranked.issue.ranks_pairs else ranked
    if all_of is None or ranked.judged is None or not ranked.record.items:
        return ""
    known = Partly(all_of.scores, all_of.judgements != NOT_JUDGED, all_of.judgements == FAULTY)
    named = f"the {len(all_of.items):,} pairs retrieved of all" if ranked.issue.ranks_pairs else "all images"
    return sentences.unjudged(known, named)


def _curves(ranked: Ranked, drawn: Mapping[str, Chart]) -> Html:
    figures = [
        f"<figure>{chart.svg()}<figcaption>{captions(name)}</figcaption></figure>" for name, chart in drawn.items()
    ]
    return Html(f'<div class="curves">{"".join(figures)}</div>{paragraph(band_in_words(ranked.issue))}')


def captions(name: str) -> str:
    """Return what the references of a chart are."""
    return "Dashed: a random order; dotted: a perfect one." if name == "effort" else "Dashed: a random order."


def _list(ranked: Ranked) -> Html:
    """Return the top of a ranking without its images."""
    rows = []
    for place in range(min(contact_sheets.TOP_IMAGES, int(np.isfinite(ranked.scores).sum()))):
        verdict = contact_sheets.VERDICTS.get(int(ranked.judgements[place]), contact_sheets.NOT_JUDGED)
        rank = contact_sheets.rank_in_words(*ranked.ranks(place))
        rows.append([rank, f"{ranked.scores[place]:.4g}", " × ".join(ranked.items[place]), verdict])
    head: list[str | Column] = ["Rank", Column("Score"), "Pair" if ranked.issue.ranks_pairs else "Image", "Truth"]
    return table(head, rows, "The top of the ranking.")


def _metrics(ranked: Ranked) -> Html:
    """Return the table of all metrics."""
    rows = []
    for name, measured in ranked.record.metrics.items():
        metric = METRICS.get(name)
        chance = number(sentences.chance_of(ranked.record, name))
        said = metric.description if metric else ""
        if measured.value is None:
            said = f"Undefined: {measured.reason}."
        rows.append([name, value(measured), chance, said])
    head: list[str | Column] = ["Metric", Column("Value"), Column("By chance"), "What it is"]
    return table(head, rows, "Ties count as their expectation over all orders.")


def _sheet(ranked: Ranked, sheet: Html) -> Html:
    """Set pairs side by side."""
    return Html(f'<div class="pairs">{sheet}</div>') if sheet and ranked.issue.ranks_pairs else sheet
