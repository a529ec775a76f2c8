"""Boards as files for other programs: CSV and JSON with all digits, LaTeX as papers print tables."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cleanbench.leaderboard.board import Board, truth_of
from cleanbench.leaderboard.entries import CHANCE, Entry, Figure, chance_of
from cleanbench.leaderboard.markdown import NOTHING
from cleanbench.leaderboard.rows import SHOWN
from cleanbench.leaderboard.spreadsheet import text_cell
from cleanbench.leaderboard.tables import counted_items, terms_of
from cleanbench.licence import sentence
from cleanbench.metrics import METRICS
from cleanbench.not_run import NotRun
from cleanbench.records import Record
from cleanbench.report.page import visible
from cleanbench.sampled import in_words

# What a table of a paper has room for.
PRINTED = ("AP", "AUROC", "P@100", "R@100", "FoE")

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "'": r"\textquotesingle{}",
    "–": "--", "±": r"$\pm$", "†": r"$\dagger$", "‡": r"$\ddagger$", "¶": r"\P{}",
}  # fmt: skip


def as_csv(entries: Sequence[Entry], records: Sequence[Record]) -> str:
    """Return a line per method and encoder, numbers with all their digits, and the level of chance as the last one."""
    metrics = [f"{name}{part}" for name in SHOWN for part in ("", "_low", "_high", "_sd")]
    head = ["rank", "rank_lowest", "rank_highest", "tier", "method", "encoder", *metrics, "AP_worst", "AP_best"]
    head += ["coverage", "supervised", "made_elsewhere", "seeds", "cpu_seconds", "peak_mib", "encoder_cpu_seconds"]
    head += ["licence_of_data"]
    terms = terms_of(records)
    licence = "" if terms is None else sentence(terms)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for entry in entries:
        worst, best = entry.ties or (entry.figures["AP"].value, entry.figures["AP"].value)
        writer.writerow([
            _cell(entry.rank), *_standing(entry), text_cell(entry.method), text_cell(entry.encoder),
            *[_cell(value) for name in SHOWN for value in _parts(entry.figures[name])],
            _cell(worst), _cell(best), _cell(entry.coverage), str(entry.supervised).lower(),
            str(entry.row.submitted).lower(), len(entry.records),
            _cell(entry.cpu_seconds), _cell(entry.peak_mib), _cell(entry.encoder_cpu_seconds),
            text_cell(licence),
        ])  # fmt: skip
    expected = chance_of(records)
    values = [cell for name in SHOWN for cell in (_cell(expected[name]), "", "", "")]
    writer.writerow([*[""] * 4, CHANCE, "", *values, *[""] * (len(head) - 7 - len(values)), text_cell(licence)])
    return text.getvalue()


def as_json(entries: Sequence[Entry], records: Sequence[Record], board: Board, absent: Sequence[NotRun] = ()) -> str:
    """Return the board of an issue with what its numbers rest on, and which rankings are behind each line."""
    first, truth, terms = records[0], truth_of(records[0]), terms_of(records)
    content = {
        "dataset": first.dataset,
        "issue": str(first.issue),
        "truth": truth.model_dump(),
        "fingerprint": first.fingerprint,
        "images": first.images,
        "items": first.items,
        "faulty": first.faulty,
        **({"estimated": told} if (told := in_words(first)) else {}),
        **({} if terms is None else {"terms": terms.model_dump()}),
        "metrics": {
            name: {
                "description": METRICS[name].description,
                "higher_is_better": METRICS[name].higher_is_better,
                "chance": chance,
            }
            for name, chance in chance_of(records).items()
        },
        "rows": [_row(entry, board) for entry in entries],
        "not_run": [each.model_dump(include={"method", "encoder", "reason"}) for each in absent],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def as_latex(entries: Sequence[Entry], records: Sequence[Record]) -> str:
    """Return a table for the package booktabs, values as they are printed, intervals in brackets."""
    first, truth = records[0], truth_of(records[0])
    names = [name for name in PRINTED if any(entry.figures[name].value is not None for entry in entries)]
    arrows = [r"$\uparrow$" if METRICS[name].higher_is_better else r"$\downarrow$" for name in names]
    head = ["", "Method", "Encoder", *[f"{_escaped(name)} {sign}" for name, sign in zip(names, arrows, strict=True)]]
    expected = chance_of(records)
    lines = [_cells(entry, names) for entry in entries]
    chance = ["", r"\emph{by chance}", "", *[NOTHING if (x := expected[n]) is None else f"{x:.3f}" for n in names]]
    shared = [
        f"{counted_items(first)}, {first.faulty:,} faulty",
        f"{truth.origin if truth.presumed else f'{truth.kind} truth'}, revision {truth.set_revision[:8]}",
    ]
    if any(len(entry.records) > 1 for entry in entries):
        shared.append("± standard deviation over seeds")
    if any(entry.supervised for entry in entries):
        shared.append("† supervised")
    if any(entry.row.submitted for entry in entries):
        shared.append("¶ made elsewhere and handed in as a ranking")
    if any(entry.coverage < 1 for entry in entries):
        shared.append("* scored less than all items; the others rank last")
    if any(entry.row.foreign for entry in entries):
        shared.append("‡ not the encoder of the method's paper")
    shared += [told] if (told := in_words(first)) else []
    terms = terms_of(records)
    licence = "" if terms is None else f" {sentence(terms)}"
    caption = f"{first.issue.heading} on {first.dataset}: {'; '.join(shared)}.{licence}"
    rule = f"{{rll{'r' * len(names)}}}"
    return "\n".join(
        [
            r"% Needs \usepackage{booktabs, textcomp} and T1 fonts. Written by python -m cleanbench.leaderboard.",
            r"\begin{table}",
            rf"\caption{{{_escaped(caption)}}}",
            r"\centering",
            rf"\begin{{tabular}}{rule}",
            r"\toprule",
            _line(head),
            r"\midrule",
            *[_line([_escaped(cell) for cell in line]) for line in lines],
            r"\midrule",
            _line([cell if cell.startswith("\\") else _escaped(cell) for cell in chance]),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _row(entry: Entry, board: Board) -> dict[str, Any]:
    return {
        "rank": entry.rank,
        "standing": None if entry.standing is None else vars(entry.standing),
        "method": entry.method,
        "encoder": entry.encoder or None,
        "metrics": {
            name: dict(zip(("value", "low", "high", "sd"), _parts(figure), strict=True))
            for name, figure in entry.figures.items()
        },
        "ap_of_ties": entry.ties,
        "coverage": entry.coverage,
        "supervised": entry.supervised,
        "made_elsewhere": entry.row.submitted,
        "cpu_seconds": entry.cpu_seconds,
        "peak_mib": entry.peak_mib,
        "encoder_cpu_seconds": entry.encoder_cpu_seconds,
        "runs": [_run(record, board) for record in entry.records],
    }


def _run(record: Record, board: Board) -> Mapping[str, Any]:
    ranking = board.ranking(record).relative_to(board.folder).as_posix()
    return {"key": record.key, "seeds": record.seeds.model_dump(), "ranking": ranking}


def _cells(entry: Entry, names: Sequence[str]) -> list[str]:
    method = entry.method + (" †" if entry.supervised else "") + (" ¶" if entry.row.submitted else "")
    method += " *" if entry.coverage < 1 else ""
    encoder = (entry.encoder or NOTHING) + (" ‡" if entry.row.foreign else "")
    rank = NOTHING if entry.rank is None else str(entry.rank)
    return [rank, method, encoder, *[_printed(entry.figures[name]) for name in names]]


def _printed(figure: Figure) -> str:
    if figure.value is None:
        return NOTHING
    spread = "" if figure.spread is None else f" ± {figure.spread:.3f}"
    interval = "" if figure.low is None or figure.high is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure.value:.3f}{spread}{interval}"


def _parts(figure: Figure) -> tuple[float | None, ...]:
    return figure.value, figure.low, figure.high, figure.spread


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _standing(entry: Entry) -> list[str]:
    own = entry.standing
    return [""] * 3 if own is None else [str(own.lowest), str(own.highest), str(own.tier)]


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in visible(" ".join(text.split())))


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
