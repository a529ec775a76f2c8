"""Results as tables in the terminal: one per issue, every method beside chance."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from cleanbench.commands.cuts import cuts_of_sweep
from cleanbench.commands.grids import grid_of_sweep
from cleanbench.commands.spread import spread_of_sweep
from cleanbench.core import Issue
from cleanbench.licence import sentence
from cleanbench.metrics import METRICS
from cleanbench.records import Record, encoder_labels
from cleanbench.request import Outcome
from cleanbench.sampled import doubts_of, error_of, in_words, population
from cleanbench.scoring import weakness

SEEDS = {"method": "Seed", "encoder": "Encoder seed", "dataset": "Data seed"}
SUPERVISED = " †"
SHOWN = ("AP", "AUROC", "P@10", "P@100", "R@100", "P@1%", "FoE")
BOUNDED = ("AP", "AUROC")  # shown with their intervals


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print the results by issue, what could not be ranked, with its reason, and warnings to standard error."""
    for warning in dict.fromkeys(warning for outcome in outcomes for warning in outcome.warnings):
        sys.stderr.write(f"warning: {warning}\n")
    console = _console()
    grids: list[Table | str] = []
    for issue in Issue:
        records = [record for outcome in outcomes for record in outcome.run.records if record.issue is issue]
        # A method that reads no embeddings is the same run whatever encoder is swept beside it.
        records = list({(record.method, record.key): record for record in records}.values())
        for key in dict.fromkeys(_table_of(record) for record in records):
            group = [record for record in records if _table_of(record) == key]
            _show(console, _table(issue, group))
            for cuts in cuts_of_sweep(issue, group):
                _show(console, cuts)
            grids += grid_of_sweep(group)
        for outcome in _each_once(outcomes):
            if issue in outcome.top:
                _show(console, _shortlist(issue, outcome))
        grids += spread_of_sweep(issue, records)
    for part in grids:
        if isinstance(part, Table):
            _show(console, part)
        else:
            console.print(part, soft_wrap=True)
    for note in dict.fromkeys(_other_encoder(record) for outcome in outcomes for record in outcome.run.records):
        if note:
            console.print(note, soft_wrap=True, highlight=False, markup=False)
    for note in doubts_in_words([record for outcome in outcomes for record in outcome.run.records]):
        console.print(note, soft_wrap=True, highlight=False, markup=False)
    if any(record.supervised for outcome in outcomes for record in outcome.run.records):
        console.print(f"{SUPERVISED.strip()} supervised: told labels that are stated to be right.")
    for terms in dict.fromkeys(_terms(record) for outcome in outcomes for record in outcome.run.records):
        if terms:
            console.print(terms, soft_wrap=True)
    if made := encoders_in_words([record for outcome in outcomes for record in outcome.run.records]):
        console.print(made, soft_wrap=True)
    missing = [
        (outcome.method, issue, reason) for outcome in outcomes for issue, reason in outcome.run.not_ranked.items()
    ]
    if missing:
        table = Table("Method", "Issue", "Why there is no ranking", title="Not ranked", title_justify="left", box=None)
        for method, issue, reason in dict.fromkeys(missing):
            table.add_row(method, issue, Text(reason, overflow="fold"))
        _show(console, table)
    for outcome in _each_once(outcomes):
        if outcome.folder is not None:
            found = " (finished before; force=true repeats it)" if outcome.reused else ""
            console.print(f"{outcome.method}: {outcome.folder}{found}", style="dim", soft_wrap=True)


def encoders_in_words(records: Sequence[Record]) -> str:
    """Say what the embeddings cost that methods read; empty if none were read, or nothing is known of their cost."""
    costs: dict[str, list[float]] = {}
    for record, encoder in zip(records, encoder_labels(records), strict=True):
        if record.encoder_detail is not None and record.encoder_detail.cost is not None:
            costs.setdefault(encoder, []).append(record.encoder_detail.cost.cpu_seconds)
    named = [f"{name} {_span(values)}" for name, values in sorted(costs.items())]
    return f"CPU s of the embeddings, made once for all methods: {', '.join(named)}." if named else ""


def doubts_in_words(records: Sequence[Record]) -> list[str]:
    """Say what the numbers in brackets are, where they are rough, and where ties matter more than items do."""
    bounded = [record for record in records if record.resampled is not None]
    notes = doubts_of_samples(records)
    if not bounded:
        return notes
    notes += ["[low, high]: 95 % interval over other items of the same population, not over other seeds or judges."]
    truths = {(record.dataset, record.issue): record for record in bounded}.values()
    notes += [
        f"{record.issue.heading} on {record.dataset}: {reason}; its intervals are rough."
        for record in truths
        if (reason := weakness(record))
    ]
    for record in {(record.method, record.key, record.issue): record for record in bounded}.values():
        ap, worst, best = (record.metrics[name] for name in ("AP", "AP_worst", "AP_best"))
        if None in (ap.low, ap.high, worst.value, best.value):
            continue
        if best.value - worst.value > ap.high - ap.low:  # type: ignore[operator]  # none is None
            notes.append(
                f"{record.label}, {record.issue.heading.lower()} on {record.dataset}: its AP is {worst.value:.3f} to "
                f"{best.value:.3f} by how ties resolve, which is wider than the interval."
            )
    return notes


def doubts_of_samples(records: Sequence[Record]) -> list[str]:
    """Say what ± means beside estimates, which of them are out of bounds, and why there are none."""
    notes = []
    if any(error_of(record, name) is not None for record in records for name in BOUNDED):
        notes.append("±: standard error of an estimate from a sample of the items; too small where few are faulty.")
    notes += [
        f"{record.label}, {record.issue.heading.lower()} on {record.dataset}: {doubt}."
        for record in records
        for doubt in doubts_of(record)
    ]
    return list(dict.fromkeys(notes))


def _ends(record: Record, name: str) -> str:
    measured, error = record.metrics[name], error_of(record, name)
    if name in BOUNDED and error is not None:
        return f" ± {error:.2f}"
    if name not in BOUNDED or measured.low is None or measured.high is None:
        return ""
    return f" [{measured.low:.2f}, {measured.high:.2f}]"


def _span(seconds: Sequence[float]) -> str:
    lowest, highest = f"{min(seconds):.1f}", f"{max(seconds):.1f}"
    return lowest if lowest == highest else f"{lowest} to {highest}"


def _each_once(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes whose results lie somewhere, one for each folder: the first, which is the one that ran."""
    return list({outcome.folder: outcome for outcome in reversed(outcomes) if outcome.folder is not None}.values())[
        ::-1
    ]


def _shortlist(issue: Issue, outcome: Outcome) -> Table:
    """Return the most suspicious items of a ranking that cannot be scored."""
    encoder = next(record.encoder for record in outcome.run.records if record.issue is issue)
    assert outcome.folder is not None  # what was ranked lies there
    place = outcome.folder / "rankings" / f"{issue}.parquet"
    by = f"{outcome.method} on {encoder}" if encoder else outcome.method
    title = f"{issue.heading} by {by}: the {len(outcome.top[issue])} most suspicious; all of them are in {place}"
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    table.add_column("Score", justify="right", no_wrap=True)
    for name in ("Image", "Other image") if issue.ranks_pairs else ("Image",):
        table.add_column(name, no_wrap=True)
    for score, names in outcome.top[issue]:
        table.add_row(f"{score:#.4g}", *names)
    return table


def _show(console: Console, table: Table) -> None:
    """Print a table; where it is wider than the terminal, its lines wrap, and no number is cut off."""
    if table.title:  # the table itself would fold it to its own width
        console.print(Text(str(table.title), style="italic"), soft_wrap=True)
        table.title = None
    usual = console.width
    if all(column.no_wrap for column in table.columns):
        unlimited = console.options.update(max_width=sys.maxsize)
        console.width = max(usual, Measurement.get(console, unlimited, table).maximum)
    console.print(table)
    console.width = usual


def _table(issue: Issue, records: Sequence[Record]) -> Table:
    """Return the table of one issue of one data set, best AP first, with chance as a row."""
    first = records[0]
    noun = "pairs" if issue.ranks_pairs else "images"
    if first.items:
        share = first.faulty / first.items
        presumed = first.truth is not None and first.truth.presumed
        judged = f"{first.faulty:,} of {first.items:,} {noun if presumed else f'annotated {noun}'} ({share:.1%})"
        kind = "no truth" if first.truth is None else first.truth.origin if presumed else f"{first.truth.kind} truth"
        title = f"{issue.heading} on {first.dataset}: {in_words(first) or judged}, {kind}"
    else:
        title = f"{issue.heading} on {first.dataset}: ranked, not scored: there is no ground truth"
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    table.add_column("Method", no_wrap=True)
    table.add_column("Encoder", no_wrap=True)
    seeds = [part for part in SEEDS if len({getattr(record.seeds, part) for record in records} - {None}) > 1]
    shown = SHOWN if first.items else ()
    for name in (*(SEEDS[part] for part in seeds), *shown, "CPU s", "MiB"):
        table.add_column(name, justify="right", no_wrap=True)
    labels = zip(records, encoder_labels(records), strict=True)
    for record, encoder in sorted(labels, key=lambda row: _best_first(row[0])):
        drawn = [getattr(record.seeds, part) for part in seeds]
        cells = [_cell(record.metrics[name].value) + _ends(record, name) for name in shown]
        spent = record.cost
        cost = ["–", "–"] if spent is None else [f"{spent.total_cpu_seconds:.1f}", f"{spent.peak_mib:.0f}"]
        table.add_row(
            record.label + (SUPERVISED if record.supervised else ""),
            encoder or "–",
            *("–" if seed is None else str(seed) for seed in drawn),
            *cells,
            *cost,
        )
    if first.items:
        expected = [_chance(name, *population(first)) for name in shown]
        blank = [""] * len(seeds)
        table.add_row("by chance", "", *blank, *[_cell(value) for value in expected], "", "", style="italic dim")
    return table


def _other_encoder(record: Record) -> str:
    """Say that a method did not see the representation that its paper reports on; empty if it did."""
    if record.paper_encoder in (None, record.encoder):
        return ""
    return f"{record.method}: this is encoder {record.encoder}; the paper's is {record.paper_encoder}."


def _terms(record: Record) -> str:
    """Say under which licence the data is that the numbers are of; empty for records of before that was kept."""
    return "" if record.terms is None else sentence(record.terms, record.dataset)


def _best_first(record: Record) -> tuple[float, str]:
    value = record.metrics["AP"].value
    return (-value if value is not None else 1.0, record.label)


def _chance(name: str, faulty: int, items: int) -> float | None:
    metric = METRICS[name]
    return None if metric.undefined(faulty, items) else metric.chance(faulty, items)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table_of(record: Record) -> tuple[str, str, str]:
    """Return what decides in which table a record stands: other images or another truth under one name are others."""
    return record.dataset, record.fingerprint, record.truth.revision if record.truth else ""


def _console() -> Console:
    # A pipe has no width; 160 columns fold reasons at a length that still reads well. Names and paths are the
    # user's: brackets and colons in them are neither markup nor emoji.
    width = None if sys.stdout.isatty() else 160
    return Console(file=sys.stdout, width=width, soft_wrap=False, markup=False, emoji=False, highlight=False)
