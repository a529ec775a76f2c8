"""Off-topic pictures: drawn charts, codes and patterns, and crops of unrelated scikit-image pictures."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

from cleanbench.datasets.edits import Pixels
from cleanbench.datasets.tiles import SIDE, Photograph, cut

# Drawn four times as large and reduced, so that lines are smooth.
CANVAS = 4 * SIDE
LEFT, RIGHT, TOP, BOTTOM = 28, CANVAS - 16, 20, CANVAS - 28  # where charts have their axes

INKS = ("#1f77b4", "#d97b1c", "#2a8f3c", "#b5282f", "#7d5aa6", "#74503f", "#c765a5", "#5e5e5e")

# Unrelated pictures of scikit-image; the side of a crop gives each enough crops that show something.
FOREIGN = (
    Photograph("coins", "coins", 64, "no known copyright restrictions", "Greek coins, Brooklyn Museum"),
    Photograph("writing", "text", 64, "public domain", "scikit-image's example of corner detection"),
)


def pictures(kind: str, count: int, rng: np.random.Generator) -> list[Pixels]:
    """Return ``count`` different pictures of a kind, a key of `DRAWINGS` or a label of `FOREIGN`.

    Drawings of a kind are spread evenly over what it ranges over, crops over the whole picture, so that one
    seed has no easier lot than another.
    """
    places = (np.arange(count) + rng.random()) / count
    if kind in DRAWINGS:
        return [DRAWINGS[kind](rng, float(place)) for place in places]
    crops = cut([picture for picture in FOREIGN if picture.label == kind])
    return [crops[int(place * len(crops))].pixels for place in places]


def bars(rng: np.random.Generator, place: float) -> Pixels:
    """Draw a bar chart of four to eight bars."""
    image, draw = _chart(place)
    count = 4 + int(5 * place)
    pitch = (RIGHT - LEFT) / count
    colours = _inks(rng)
    for position, height in enumerate(rng.uniform(0.2, 0.95, count).tolist()):
        left = LEFT + 8 + position * pitch
        top = BOTTOM - height * (BOTTOM - TOP)
        draw.rectangle((left, top, left + 0.7 * pitch, BOTTOM), fill=colours[position % 2])
    return _reduced(image)


def lines(rng: np.random.Generator, place: float) -> Pixels:
    """Draw a chart of two to four curves."""
    image, draw = _chart(place)
    across = np.linspace(LEFT + 6, RIGHT, 7)
    for colour in _inks(rng)[: 2 + int(3 * place)]:
        down = BOTTOM - rng.uniform(0.05, 0.95, len(across)) * (BOTTOM - TOP)
        draw.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill=colour, width=9)
    return _reduced(image)


def pie(rng: np.random.Generator, place: float) -> Pixels:
    """Draw a pie chart of three to six shares."""
    image, draw = _paper(place)
    radius = (0.37 + 0.06 * place) * CANVAS
    x, y = (CANVAS / 2 + rng.uniform(-0.05, 0.05, 2) * CANVAS).tolist()
    start = float(rng.uniform(0, 360))
    shares = rng.dirichlet(np.full(3 + int(4 * place), 8.0)).tolist()
    for share, colour in zip(shares, _inks(rng), strict=False):
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.pieslice(box, start, start + 360 * share, fill=colour)
        start += 360 * share
    return _reduced(image)


def scatter(rng: np.random.Generator, place: float) -> Pixels:
    """Draw a chart of two clouds of points."""
    image, draw = _chart(place)
    for colour in _inks(rng)[:2]:
        points = rng.uniform(0.3, 0.7, 2) + rng.normal(0, 0.14, (14 + int(12 * place), 2))
        for x, y in np.clip(points, 0.02, 0.93).tolist():
            left, top = LEFT + x * (RIGHT - LEFT), TOP + y * (BOTTOM - TOP)
            draw.ellipse((left, top, left + 15, top + 15), fill=colour)
    return _reduced(image)


def code(rng: np.random.Generator, place: float) -> Pixels:
    """Draw a square code of 9 to 15 random modules a side."""
    image, draw = _paper(place)
    modules = 9 + int(7 * place)
    margin = 24
    side = (CANVAS - 2 * margin) / modules
    for row, column in np.argwhere(rng.random((modules, modules)) < 0.5).tolist():
        left, top = margin + column * side, margin + row * side
        draw.rectangle((left, top, left + side, top + side), fill="#484850")
    return _reduced(image)


def checkers(rng: np.random.Generator, place: float) -> Pixels:
    """Draw a checkerboard, turned."""
    angle, pitch = float(rng.uniform(0, np.pi / 2)), 24 + 40 * place
    shift = rng.uniform(0, pitch, 2)
    down, across = np.mgrid[:CANVAS, :CANVAS]
    columns = (across * np.cos(angle) + down * np.sin(angle) + shift[0]) // pitch
    rows = (down * np.cos(angle) - across * np.sin(angle) + shift[1]) // pitch
    image, draw = _paper(place)
    draw.bitmap((0, 0), Image.fromarray((columns + rows) % 2 == 1), fill=_inks(rng)[0])
    return _reduced(image)


def rings(rng: np.random.Generator, place: float) -> Pixels:
    """Draw a target: rings about a point."""
    image, draw = _paper(place)
    x, y = (rng.uniform(0.42, 0.58, 2) * CANVAS).tolist()
    width = 24 + 10 * place
    colours = (_inks(rng)[0], _tint(place))
    for turn, radius in enumerate(np.arange(0.5 * CANVAS, 4, -width).tolist()):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colours[turn % 2])
    return _reduced(image)


def silhouette(rng: np.random.Generator, place: float) -> Pixels:
    """Draw a black figure with a smooth outline."""
    image, draw = _paper(place)
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = np.full_like(angle, 0.3 + 0.06 * place)
    for wave in range(2, 6):
        radius += rng.uniform(0.06, 0.12) / wave * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    x, y = (rng.uniform(0.45, 0.55, (2, 1)) + radius * np.array([np.cos(angle), np.sin(angle)])) * CANVAS
    draw.polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill="#303038")
    return _reduced(image)


DRAWINGS: Mapping[str, Callable[[np.random.Generator, float], Pixels]] = MappingProxyType(
    {
        "bars": bars,
        "lines": lines,
        "pie": pie,
        "scatter": scatter,
        "code": code,
        "checkers": checkers,
        "rings": rings,
        "silhouette": silhouette,
    }
)
KINDS = (*DRAWINGS, *(picture.label for picture in FOREIGN))


def _chart(place: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image, draw = _paper(place)
    draw.line((LEFT, TOP, LEFT, BOTTOM, RIGHT, BOTTOM), fill="#303030", width=6)
    return image, draw


def _paper(place: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return a light sheet and what draws on it."""
    image = Image.new("RGB", (CANVAS, CANVAS), _tint(place))
    return image, ImageDraw.Draw(image)


def _tint(place: float) -> tuple[int, int, int]:
    """Return the colour of paper: from white to a warm gray, as paper photographs."""
    return int(250 - 50 * place), int(248 - 54 * place), int(244 - 62 * place)


def _inks(rng: np.random.Generator) -> list[str]:
    """Return all inks in random order."""
    return [INKS[number] for number in rng.permutation(len(INKS)).tolist()]


def _reduced(image: Image.Image) -> Pixels:
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))
