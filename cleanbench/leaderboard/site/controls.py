"""What a reader filters and compares with; hidden until there is a script that makes it work."""

from collections.abc import Mapping, Sequence

from cleanbench.leaderboard.entries import Entry
from cleanbench.leaderboard.site import drawings
from cleanbench.leaderboard.site.ranking import levels
from cleanbench.records import Record
from cleanbench.report.page import Html, escaped

FREE = "free"
# Where the chosen methods are compared; it stays in sight below the table.
TRAY = Html(
    '<p class="js tray" id="tray" hidden><button type="button" id="leap"></button>'
    '<button type="button" id="drop">Clear</button></p>'
)


def controls(entries: Sequence[Entry]) -> Html:
    """Return what filters the table; hidden until there is a script that makes it work."""
    encoders = sorted({entry.encoder for entry in entries})
    tracks = [(FREE, "Free: every method on its encoder")]
    tracks += [(name, f"Equal: all on {name}") for name in encoders if name]
    options = "".join(f'<option value="{escaped(value)}">{escaped(shown)}</option>' for value, shown in tracks)
    boxes = [("encoder", name, name or "none") for name in encoders] if len(encoders) > 1 else []
    facets = _facet("Encoder", boxes)
    told = [("told", "yes", "supervised, †"), ("told", "no", "not supervised")]
    facets += _facet("Supervision", told) if len({entry.supervised for entry in entries}) > 1 else ""
    own = [("paper", "no", "another, ‡"), ("paper", "yes", "the same, or none is named")]
    facets += _facet("Encoder of the paper", own) if len({entry.row.foreign for entry in entries}) > 1 else ""
    track = f'<label>Track <select id="track">{options}</select></label>' if len(tracks) > 1 else ""
    return Html(
        '<form class="js controls" id="controls"><div class="line">'
        '<label>Filter <input type="search" id="filter" placeholder="method or encoder" autocomplete="off"></label>'
        f'{track}<button type="reset">Reset</button></div>{facets}'
        '<p role="status" aria-live="polite" id="shown"></p></form>'
    )


def _facet(title: str, boxes: Sequence[tuple[str, str, str]]) -> str:
    if not boxes:
        return ""
    inputs = "".join(
        f'<label><input type="checkbox" name="{name}" value="{escaped(value)}" checked> {escaped(shown)}</label>'
        for name, value, shown in boxes
    )
    return f"<fieldset><legend>{escaped(title)}</legend>{inputs}</fieldset>"


def comparing(first: Record, chance: Mapping[str, float | None]) -> Html:
    """Return where chosen methods are compared by curves and numbers."""
    noun = "pairs" if first.issue.ranks_pairs else "images"
    box = f'viewBox="0 0 {drawings.WIDTH} {drawings.HEIGHT}"'
    effort = drawings.frame("Items reviewed", "Faults found", '<g class="lines"></g><path class="cursor" d=""/>')
    precision = drawings.frame("Faults found (recall)", "Precision", '<g class="lines"></g>')
    return Html(
        "<noscript><p>Comparing methods needs JavaScript; their pages show the same curves one by one.</p></noscript>"
        '<div class="js"><p id="hint">Tick methods in the table to lay their curves over each other, at most eight.</p>'
        '<div id="comparison" hidden><div class="charts">'
        f'<svg class="chart" {box} role="img" aria-label="Share of faults found over share of items reviewed; the '
        f'numbers are in the table below" id="effort">{effort}</svg>'
        f'<svg class="chart" {box} role="img" aria-label="Precision over recall; the numbers are in the table below" '
        f'id="precision">{precision}</svg></div>'
        f'<p class="line"><label>Review <input type="range" id="depth" min="1" max="{first.items}"> '
        f'<output id="reviewed" for="depth"></output> {noun}</label></p>'
        f'<div class="table" role="region" aria-label="Comparison" tabindex="0"><table id="compared"{levels(chance)}>'
        "<caption>Means over seeds; found and precision are read off the drawn curves, at the depth above. Whether a "
        "method is better or worse than the first is told by AP, with the tests that make the tiers.</caption>"
        "<thead></thead><tbody></tbody></table></div></div></div>"
    )
