"""Markdown tables and names."""

from collections.abc import Sequence

from cleanbench.report.page import visible

NOTHING = "–"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], right: set[str]) -> list[str]:
    """Return the lines of a table whose columns ``right`` are set flush right."""
    rule = ["---:" if name in right else ":---" for name in head]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def number(value: float | None) -> str:
    """Return a number as pages print it; a dash where there is none."""
    return NOTHING if value is None else f"{value:.3f}"


def percent(share: float) -> str:
    """Return a share in per cent: one digit after the point, two digits that count where it is small.

    Example:
        >>> percent(0.0502), percent(0.000146), percent(0)
        ('5.0%', '0.015%', '0.0%')
    """
    return f"{share:.1%}" if share >= 0.001 or share <= 0 else f"{100 * share:.2g}%"


def code(text: str) -> str:
    """Set a name as code, where nothing but a backtick and, in a table, a bar or the end of the line has a meaning."""
    return "`" + _line(text).replace("`", "'").replace("|", "\\|") + "`"


def escaped(text: str) -> str:
    """Escape what Markdown or HTML would read as more than text."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in _line(text))


def _line(text: str) -> str:
    """Return a text in one line, signs that act shown as escapes."""
    return visible(text.replace("\n", " ").replace("\t", " "))
