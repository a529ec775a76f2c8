"""A survey in words and tables."""

from cleanbench.commands.plain import table
from cleanbench.metrics import Value
from cleanbench.unjudged.reuse import ORDERS
from cleanbench.unjudged.survey import Survey, Surveyed

NOTHING = "–"
SHOWN = ("10", "100", "1000")


def told(survey: Survey, k: int) -> str:
    """Return what there is to tell about one issue."""
    pairs = survey.issue.ranks_pairs
    noun, ranked = ("pairs", "queue of all pairs") if pairs else ("images", "ranking of all images")
    lines = [
        f"{survey.issue.heading}: {survey.judged:,} {noun} judged, {survey.faulty:,} of them faulty, "
        f"{_expected(survey.nowhere)} of which no method has among its first {k:,}",
        "",
        *table(["Method", *_headings(pairs)], [[found.method, *_cells(found, pairs)] for found in survey.methods]),
        "",
        f"judged@k: share of the first k of a method's {ranked} that was judged. P@100: if all others were clean, and "
        "if they were faulty.",
        f"AP judged: of the judged {noun} alone, all of them (condensed list). AP clean, AP faulty: if all others were "
        "one or the other. AP within: the lowest and the highest AP that any labels of the others and any order of "
        "ties give.",
    ]
    if pairs:
        lines.append(
            "All but AP judged are about the queue only, and its AP is a share of the faulty pairs in it. Missed: "
            f"judged faulty pairs that are not in the queue. {NOTHING}: no queue; the method would have to score every "
            "pair, or ran with retrieve=0."
        )
    if survey.presumed:
        lines.append(
            "This truth presumes negatives: of the items that count as judged clean here, nobody looked at all."
        )
    if survey.sampled:
        lines.append(
            "The truth is a random sample with known probabilities: the numbers of the runs are estimates that take "
            "the others into account, and the bounds are wider than the doubt."
        )
    left = [(found.method, found.left_out) for found in survey.methods if found.left_out is not None]
    if len(left) > 1:
        rows = [
            [
                method,
                _expected(out.faulty),
                _expected(out.clean),
                _number(out.before),
                _number(out.unjudged),
                _number(out.as_clean),
                NOTHING if out.place is None else str(out.place),
                NOTHING if out.place_after is None else str(out.place_after),
            ]
            for method, out in left
        ]
        head = ["Left out", "Own faulty", "Own clean", "AP", "AP without", "AP own clean", "Place", "Place without"]
        lines += [
            "",
            *table(head, rows),
            "",
            f"Own: judged items that only this method has among its first {k:,}, expected over random orders of ties. "
            f"AP without: if these had not been judged; own clean: if they were taken for clean; both are means over "
            f"{ORDERS} such orders where ties leave it open. A method that falls far owes its place to having been "
            "there when items were picked, and a new one like it would be wronged.",
            "It is not recorded how items were picked, and what no method here finds cannot show.",
        ]
    return "\n".join(lines)


def _headings(pairs: bool) -> list[str]:
    own = [*(f"judged@{cut}" for cut in SHOWN), "P@100", "AP judged", "AP clean", "AP faulty", "AP within"]
    return [*own, "Missed"] if pairs else own


def _cells(found: Surveyed, pairs: bool) -> list[str]:
    ranking = found.ranking
    if ranking is None:
        return [*[NOTHING] * (len(SHOWN) + 1), _number(found.condensed), *[NOTHING] * 4]
    within = ranking.average_precision_bounds()
    cells = [
        *(_number(ranking.judged_at(cut)) for cut in SHOWN),
        " to ".join(_number(value) for value in ranking.precision_bounds("100")),
        _number(found.condensed),
        _number(ranking.average_precision(unjudged_faulty=False)),
        _number(ranking.average_precision(unjudged_faulty=True)),
        NOTHING if within is None else f"{within[0]:.3f} to {within[1]:.3f}",
    ]
    return [*cells, str(found.missed)] if pairs else cells


def _expected(number: float) -> str:
    """Return an expected number of items, with a decimal where it is not whole."""
    return f"{number:,.1f}".removesuffix(".0")


def _number(value: Value | float | None) -> str:
    number = value.value if isinstance(value, Value) else value
    return NOTHING if number is None else f"{number:.3f}"
