"""Which tiles are copied, edited and mislabelled in the demo, and how its images are rendered.

What decides the truth (`compose`) draws from a random stream of its own, apart from the one that decides
pixels (`render`): a library that resizes or compresses a little differently cannot change the truth.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from cleanbench.core import Floats, Ints
from cleanbench.datasets.drawings import KINDS, pictures
from cleanbench.datasets.edits import EDITS, MARKS, Pixels, Tone, adjust, eight_bit, grayed, jpeg, mark, trim
from cleanbench.datasets.tiles import PHOTOGRAPHS, SIDE, Tile

MOST_PER_CLASS = 100
OFF_TOPIC_SHARE = 0.04
COPIED_SHARE = 0.105  # copies among all images, so twice as many have a copy
LABEL_ERROR_SHARE = 0.27  # of the images that are on topic
EDITED_SHARE = 0.5  # of the tiles without a copy: as many as of those with one
SECOND_EDIT = 0.35
GRAY_SHARE = 0.4  # of the 2x2 blocks of cells: colour alone must not tell the photographs apart
NOISE = 2.0  # standard deviation, levels

# The class that is taken for another one; every class is named once, so that no class becomes frequent.
CONFUSED_WITH = {
    "astronaut": "coffee",
    "cameraman": "rocket",
    "cat": "flower",
    "coffee": "cat",
    "flower": "astronaut",
    "galaxies": "retina",
    "grass": "gravel",
    "gravel": "grass",
    "retina": "tissue",
    "rocket": "temple",
    "temple": "galaxies",
    "tissue": "cameraman",
}
CLASSES = tuple(sorted(CONFUSED_WITH))

_TRUTH, _PIXELS = 0, 1  # the two random streams


@dataclass(frozen=True)
class Item:
    """An image of the set, before it is rendered.

    Attributes:
        source: Position of its tile, or -1 for an off-topic picture.
        kind: Of an off-topic picture, one of `KINDS`; empty for a tile.
        edits: Names in `EDITS` or `MARKS`, in order.
        copy_of: Position of the item that it is a copy of, or -1.
    """

    source: int
    kind: str = ""
    edits: tuple[str, ...] = ()
    copy_of: int = -1


@dataclass(frozen=True, eq=False)
class Composition:
    """All decisions about a demo set.

    Attributes:
        tiles: All tiles that may be used.
        items: What the images show: originals, other tiles, copies, off-topic pictures.
        ids: The neutral id of each item; sorting by it shuffles.
        pairs: Judged pairs as positions in ``items``, shape ``(P, 2)``.
        kinds: Why each pair is judged: ``copy``, ``touching``, ``same class``, ``same mark``, ``random``.
        true: True class of each item as a position in `CLASSES`, -1 if off topic.
        given: Given class of each item.
    """

    tiles: tuple[Tile, ...]
    items: tuple[Item, ...]
    ids: tuple[str, ...]
    pairs: Ints
    kinds: tuple[str, ...]
    true: Ints
    given: Ints


def compose(tiles: list[Tile], seed: int) -> Composition:
    """Decide about everything but pixels."""
    rng = np.random.default_rng([seed, _TRUTH])
    classes = [CLASSES.index(tile.label) for tile in tiles]
    used = _limited(classes, rng)
    total = round(len(used) / (1 - COPIED_SHARE - OFF_TOPIC_SHARE))
    copies, off_topic = round(COPIED_SHARE * total), round(OFF_TOPIC_SHARE * total)
    originals, singles = _drawn(used, copies, classes, rng)
    edited, plain = _drawn(singles, round(EDITED_SHARE * len(singles)), classes, rng)
    edits = _edits(copies, rng) + _edits(len(edited), rng)
    items = [Item(tile) for tile in originals]
    items += [Item(tile, edits=chain) for tile, chain in zip(edited, edits[copies:], strict=True)]
    items += [Item(tile) for tile in plain]
    items += [Item(items[i].source, edits=edits[i], copy_of=i) for i in range(copies)]
    items += [Item(-1, kind=KINDS[i % len(KINDS)]) for i in range(off_topic)]

    true = np.array([classes[item.source] if item.source >= 0 else -1 for item in items])
    pairs, why = _judged_pairs(tiles, items, rng)
    return Composition(
        tiles=tuple(tiles),
        items=tuple(items),
        ids=_ids(len(items), rng),
        pairs=pairs,
        kinds=why,
        true=true,
        given=_given(true, rng),
    )


def render(composition: Composition, seed: int) -> Iterator[Pixels]:
    """Yield the pixels of all items in turn, RGB, shape ``(SIDE, SIDE, 3)``."""
    tiles = composition.tiles
    blocks: dict[tuple[str, int, int], tuple[Tone, bool]] = {}
    numbers = {photograph.label: number for number, photograph in enumerate(PHOTOGRAPHS)}
    captured: dict[int, Pixels] = {}

    def capture(source: int) -> Pixels:
        """Return a tile as one photographer took it: neighbours share most of the conditions."""
        if source not in captured:
            tile = tiles[source]
            block = (tile.label, tile.row // 2, tile.column // 2)
            if block not in blocks:
                shared = np.random.default_rng([seed, _PIXELS, 0, numbers[tile.label], *block[1:]])
                blocks[block] = Tone.draw(shared, 1.0), bool(shared.random() < GRAY_SHARE)
            own = np.random.default_rng([seed, _PIXELS, 1, source])
            conditions, gray = blocks[block]
            taken = adjust(tile.pixels, conditions + Tone.draw(own, 0.5))
            captured[source] = grayed(taken) if gray else taken
        return captured[source]

    foreign = {
        kind: pictures(
            kind,
            sum(item.kind == kind for item in composition.items),
            np.random.default_rng([seed, _PIXELS, 3, number]),
        )
        for number, kind in enumerate(KINDS)
    }
    for number, item in enumerate(composition.items):
        rng = np.random.default_rng([seed, _PIXELS, 2, number])
        if item.source < 0:
            pixels = foreign[item.kind].pop()
        else:
            pixels = capture(item.source)
            if item.edits:
                pixels = _edited(pixels, item.edits, rng)
        yield _noisy(pixels, rng)


def _edited(pixels: Pixels, chain: tuple[str, ...], rng: np.random.Generator) -> Pixels:
    """Apply a chain of edits to a slightly trimmed image and compress it: a copy never lies pixel on pixel."""
    pixels = trim(pixels, rng)
    for name in chain:
        pixels = mark(pixels, name) if name in MARKS else EDITS[name](pixels, rng)
    return jpeg(pixels, int(rng.integers(60, 91)))


def _noisy(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Add a camera's noise, also to drawings: without it file sizes would tell smooth images apart."""
    noise: Floats = rng.normal(0, NOISE, (SIDE, SIDE, 3))
    return eight_bit(pixels + noise)


def _limited(classes: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Return positions, at most `MOST_PER_CLASS` of a class."""
    used: list[int] = []
    for number in range(len(CLASSES)):
        members = np.flatnonzero(np.equal(classes, number))
        used += rng.permutation(members)[:MOST_PER_CLASS].tolist()
    return used


def _drawn(
    pool: Sequence[int], count: int, classes: Sequence[int], rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Split positions into ``count`` drawn ones and the rest, both sorted by class.

    Every class gives its share: the classes differ in difficulty, and a set should not be easier by luck.
    """
    shuffled = sorted(rng.permutation(pool).tolist(), key=lambda position: classes[position])
    start = rng.random()
    steps = np.floor(start + np.arange(len(shuffled) + 1) * count / len(shuffled))
    taken = np.diff(steps) > 0
    pick = [position for position, drawn in zip(shuffled, taken.tolist(), strict=True) if drawn]
    rest = [position for position, drawn in zip(shuffled, taken.tolist(), strict=True) if not drawn]
    return pick, rest


def _edits(count: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Return chains of one or two edits; every kind comes first equally often, in turn over the classes."""
    kinds = rng.permutation([*EDITS, "mark"]).tolist()
    marks = cycle(rng.permutation(list(MARKS)).tolist())
    second = np.diff(np.floor(rng.random() + np.arange(count + 1) * SECOND_EDIT)) > 0
    chains = []
    for number in range(count):
        chain = [kinds[number % len(kinds)]]
        if second[number]:
            chain.append(str(rng.choice([kind for kind in kinds if kind != chain[0]])))
        chains.append(tuple(next(marks) if kind == "mark" else kind for kind in chain))
    return chains


def _judged_pairs(tiles: list[Tile], items: list[Item], rng: np.random.Generator) -> tuple[Ints, tuple[str, ...]]:
    """Return every copy with its original, and per copy three pairs of which it is known that they are none.

    The negatives are chosen by where they come from, never by how alike they look to a method: an image of
    a touching tile; another of the same class; one with the same mark, or else of another class.
    """
    pairs: dict[tuple[int, int], str] = {}
    photos = [number for number, item in enumerate(items) if item.source >= 0]
    for number, item in enumerate(items):
        if item.copy_of >= 0:
            pairs[item.copy_of, number] = "copy"
    for original, copied in list(pairs):
        tile = tiles[items[copied].source]
        marks = {name for name in items[copied].edits if name in MARKS}
        by_kind: dict[str, list[int]] = {"touching": [], "same class": [], "same mark": [], "random": []}
        for other in photos:
            theirs = tiles[items[other].source]
            if theirs is tile:
                continue
            if tile.touches(theirs):
                by_kind["touching"].append(other)
            elif tile.label == theirs.label:
                by_kind["same class"].append(other)
            elif marks & set(items[other].edits):
                by_kind["same mark"].append(other)
            else:
                by_kind["random"].append(other)
        wanted = [
            "touching" if by_kind["touching"] else "same class",
            "same class",
            "same mark" if by_kind["same mark"] else "random",
        ]
        for kind in wanted:
            anchor = copied if kind == "same mark" or rng.random() < 0.5 else original
            for other in rng.permutation(by_kind[kind]).tolist():
                pair = (min(anchor, other), max(anchor, other))
                if pair not in pairs:
                    pairs[pair] = kind
                    break
    return np.array(list(pairs), dtype=np.int64), tuple(pairs.values())


def _given(true: Ints, rng: np.random.Generator) -> Ints:
    """Return the given labels: wrong for a fixed share, half of them at random, half confused.

    Copies are mislabelled independently of their originals, as if labelled by somebody else. An off-topic
    picture gets the label of a random image, so that labels do not betray it.
    """
    given = true.copy()
    on_topic = np.flatnonzero(true >= 0)
    wrong, _ = _drawn(on_topic.tolist(), round(LABEL_ERROR_SHARE * len(on_topic)), true.tolist(), rng)
    confused, anything = wrong[::2], wrong[1::2]
    taken_for = np.array([CLASSES.index(CONFUSED_WITH[name]) for name in CLASSES])
    given[confused] = taken_for[true[confused]]
    given[anything] = (true[anything] + rng.integers(1, len(CLASSES), len(anything))) % len(CLASSES)
    off_topic = np.flatnonzero(true < 0)
    given[off_topic] = rng.choice(given[on_topic], len(off_topic))
    return given


def _ids(count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Return random ids that say nothing."""
    numbers: set[int] = set()
    ids: list[str] = []
    while len(ids) < count:
        number = int(rng.integers(0, 2**63))
        if number not in numbers:
            numbers.add(number)
            ids.append(f"{number:016x}")
    return tuple(ids)
