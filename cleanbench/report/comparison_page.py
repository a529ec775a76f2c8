"""The page of a data set: all methods that ran on it, side by side."""

from collections.abc import Sequence
from pathlib import Path

from cleanbench import not_run
from cleanbench.audit.slice_tables import crossing_table
from cleanbench.core import Issue
from cleanbench.image_set import ImageSet
from cleanbench.records import Record, read_run
from cleanbench.report import sentences
from cleanbench.report.compared import BY, Comparisons, read_runs
from cleanbench.report.comparison_section import budget_of, charts, comparison_section, listing_table
from cleanbench.report.comparison_words import highest
from cleanbench.report.finished import settings_of
from cleanbench.report.page import Html, bullets, code, document, facts, note, paragraph, section, table
from cleanbench.report.run_page import Report, card_facts, made, style
from cleanbench.report.values import number

Missing = tuple[str, Issue, str]  # method, issue, why it was not ranked


def comparison_page(runs: Path, image_set: ImageSet | None, missing: Sequence[Missing] = ()) -> Report:
    """Return the comparison of the finished runs of a data set.

    Args:
        runs: The folder of its runs.
        image_set: What is known of it; None: only what the runs keep.
        missing: What was asked for besides and could not be ranked.

    Raises:
        UserError: If there is no finished run, or a file of one is damaged.
    """
    found = read_runs(runs)
    drawn = {issue: charts(each) for issue, each in found.compared.items()}
    made_of = [comparison_section(each, found, drawn[issue], image_set) for issue, each in found.compared.items()]
    sections = [part for part, _ in made_of]
    if len(found.compared) > 1:
        audits = [each.audit for each in found.compared.values()]
        top = min(map(budget_of, found.compared.values()))
        intro = paragraph("What the top of one issue's ranking has of another issue's faults.")
        sections.append(section("Across issues", intro, listing_table(crossing_table(audits, top))))
    if absent := _absent(found, runs, missing):
        sections.append(section("Not ranked", table(["Method", "Issue", "Why there is no ranking"], absent)))
    sections.append(section("The runs", _runs(found)))
    records = [record for member in found.members for record in member.records.values()]
    sections.append(section("The data", *_data(records, image_set)))
    title = f"{len(found.members)} runs on {runs.name}" if len(found.members) != 1 else f"1 run on {runs.name}"
    lead = [_summary(found), *(note(f"{issue.heading}: {reason}.") for issue, reason in found.refused.items())]
    html = document(title, sections, lead, made(), style=style() + "".join(rules for _, rules in made_of))
    figures = {
        f"{issue}_{name}.{ending}": content
        for issue, those in drawn.items()
        for name, chart in those.items()
        for ending, content in (("svg", chart.file()), ("csv", chart.csv()))
    }
    return Report(html, figures)


def _summary(found: Comparisons) -> Html:
    entries = []
    for issue, each in found.compared.items():
        rows = "1 row" if len(each.rows) == 1 else f"{len(each.rows)} rows"
        tiers = "" if each.comparison is None else f" in {_tiers(int(each.comparison.tiers.max()))}"
        chance = sentences.chance_of(each.rows[0].records[0], BY)
        entries.append(
            f"{issue.heading}: {rows}{tiers}; {highest(each.rows)}, where a random order has {number(chance)}."
        )
    return bullets(entries)


def _tiers(count: int) -> str:
    return "a single tier" if count == 1 else f"{count} tiers"


def _runs(found: Comparisons) -> Html:
    """Return where every run lies and how to repeat it."""
    rows = []
    for member in sorted(found.members, key=lambda member: member.folder.name):
        record = member.first
        _, command = settings_of(member.folder)
        seeds = ", ".join(f"{name} {seed}" for name, seed in record.seeds.model_dump().items() if seed is not None)
        rows.append(
            [record.label, member.encoder or "–", seeds, record.created[:10], code(command) if command else "–"]
        )
    head = ["Method", "Encoder", "Seeds", "Made", "Command"]
    return Html(f'<div class="tables">{table(head, rows, "The newest run of each method, encoder and seed.")}</div>')


def _absent(found: Comparisons, runs: Path, missing: Sequence[Missing]) -> list[tuple[str, str, str]]:
    """Return what was not ranked and why: what a sweep tells, what runs keep, and what was noted beside them."""
    records = [record for member in found.members for record in member.records.values()]
    noted = [each for path in sorted((runs / not_run.FOLDER).glob("*.json")) for each in not_run.read(path)]
    said = list(missing)
    for member in found.members:
        run = read_run(member.folder / "record.json")
        said += [(member.first.label, issue, reason) for issue, reason in run.not_ranked.items()]
    told = {(method, issue) for method, issue, _ in said}
    for each in not_run.settled([each for each in noted if not_run.belongs(each, records)], records):
        if (each.method, each.issue) not in told:
            said.append((each.method, each.issue, each.reason))
    return [(method, issue.heading, reason) for method, issue, reason in dict.fromkeys(said)]


def _data(records: Sequence[Record], image_set: ImageSet | None) -> list[Html]:
    newest = max(records, key=lambda record: (record.created, record.key)) if records else None
    parts = []
    if newest is not None:
        if terms := sentences.terms(newest):
            parts.append(paragraph(terms))
        parts.append(facts([("Images", f"{newest.images:,}"), ("Fingerprint", code(newest.fingerprint))]))
    if image_set is not None:
        parts.append(card_facts(image_set.card))
    return parts
