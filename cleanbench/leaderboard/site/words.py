"""Sentences of the Markdown pages, names and numbers as HTML."""

import re

from cleanbench.core import origin
from cleanbench.leaderboard.entries import Figure
from cleanbench.leaderboard.markdown import NOTHING
from cleanbench.report.page import Html, code, escaped

# What `tables` writes: an escaped sign, code, strong and emphasis.
_INLINE = re.compile(r"\\(?P<sign>.)|`(?P<code>[^`]*)`|\*\*(?P<strong>.+?)\*\*|\*(?P<em>.+?)\*")

BADGES = {
    "human": "judged by people",
    "metadata": "from what is recorded about the images",
    "synthetic": "planted by a program",
}


def from_markdown(line: str) -> Html:
    r"""Return a line that `cleanbench.leaderboard.tables` wrote; no other Markdown is known.

    Example:
        >>> from_markdown(r"- Truth: `<b>`, 3 \* 4, **not** real")
        'Truth: <code>&lt;b&gt;</code>, 3 * 4, <strong>not</strong> real'
    """
    parts: list[str] = []
    text, end = line.removeprefix("- "), 0
    for match in _INLINE.finditer(text):
        parts.append(escaped(text[end : match.start()]))
        kind, content = next((kind, content) for kind, content in match.groupdict().items() if content is not None)
        parts.append(_element(kind, content))
        end = match.end()
    return Html("".join([*parts, escaped(text[end:])]))


def badge(kind: str, *, presumed: bool = False) -> Html:
    """Return how a truth came about, set off; its title says what that means."""
    known = kind if kind in BADGES else "other"
    title = BADGES.get(kind, "")
    if presumed:
        title = f"faults {title}; nobody looked at all of the items that count as clean"
    return Html(f'<span class="badge {known}" title="{escaped(title)}">{escaped(origin(kind, presumed))}</span>')


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as pages print it; a dash where there is none."""
    if value is None:
        return NOTHING
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text  # no minus before a zero


def interval(figure: Figure) -> str:
    """Return the interval of a metric as text; empty where there is none."""
    return "" if figure.low is None or figure.high is None else f"{figure.low:.3f}–{figure.high:.3f}"


def _element(kind: str, content: str) -> str:
    if kind == "code":
        return code(content.replace("\\|", "|"))
    return escaped(content) if kind == "sign" else f"<{kind}>{from_markdown(content)}</{kind}>"
