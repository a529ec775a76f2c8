"""The images at the top of a ranking, and the faults that it missed, with rank, score and truth below each."""

from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np

from cleanbench.core import UserError
from cleanbench.image_set import ImageSet
from cleanbench.images import UnreadableImage
from cleanbench.report.finished import CLEAN, FAULTY, Ranked
from cleanbench.report.finished import NOT_JUDGED as UNJUDGED
from cleanbench.report.page import Html, Tile, contact_sheet, escaped, thumbnail

TOP_IMAGES, TOP_PAIRS, MISSED = 24, 12, 12
SIDE = 112  # pixels of a thumbnail

VERDICTS = {FAULTY: "faulty", CLEAN: "clean"}
NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Album:
    """Thumbnails of a data set, each made once; they are kept small, since they become part of a page.

    Attributes:
        image_set: Whose images.
        side: Pixels of the longer side of a thumbnail.
    """

    image_set: ImageSet
    side: int = SIDE
    _made: dict[str, str] = field(default_factory=dict)

    def thumbnail(self, name: str) -> str:
        """Return an image as a page holds it; empty if it cannot be read.

        Raises:
            UserError: If the data set has no such image.
        """
        if name not in self._made:
            try:
                self._made[name] = thumbnail(self.image_set.images[self._position(name)], self.side)
            except UnreadableImage:
                self._made[name] = ""
        return self._made[name]

    def given_label(self, name: str) -> str:
        """Return the class that an image is labelled with; empty if it has none."""
        labels = self.image_set.labels
        label = -1 if labels is None else int(labels[self._position(name)])
        return self.image_set.classes[label] if label >= 0 else ""

    def _position(self, name: str) -> int:
        position = bisect_left(self.image_set.ids, name)
        if position == len(self.image_set) or self.image_set.ids[position] != name:
            raise UserError(f"{self.image_set.name!r} has no image {name!r}, which the run ranks: it ran on other data")
        return position


def top(ranked: Ranked, album: Album, queued: bool = False) -> Html:
    """Return the most suspicious items; among ties at the end of the sheet, those with the first ids.

    Args:
        ranked: The items.
        album: Of the data set.
        queued: Whether they are a `Ranked.queue`.
    """
    count = min(TOP_PAIRS if ranked.issue.ranks_pairs else TOP_IMAGES, int(np.isfinite(ranked.scores).sum()))
    if not count:
        return Html("")
    last = ranked.ranks(count - 1)
    kind, whole = "pairs" if ranked.issue.ranks_pairs else "images", f"{len(ranked.items):,}"
    retrieved = ranked.issue.ranks_pairs and (queued or ranked.judged is None)
    if retrieved:
        whole = f"the {whole} that were retrieved"
    framed = "" if ranked.judged is None else "; the faulty ones are framed"
    caption = f"The {count} most suspicious {kind} of {whole}, in reading order{framed}."
    if last[1] > count:
        first, end = last
        tied = end - first + 1
        caption += (
            f" Ranks {first:,} to {end:,} tie: of these {tied:,}, the {count - first + 1} with the first ids are shown."
        )
    if ranked.issue.ranks_pairs and not retrieved:
        random = int(np.count_nonzero(ranked.judgements == UNJUDGED))
        caption += (
            f" The method was asked the {len(ranked.items) - random:,} judged pairs among {random:,} random ones."
        )
    return contact_sheet([_tile(ranked, place, album) for place in range(count)], caption)


def missed(ranked: Ranked, album: Album) -> Html:
    """Return the faulty items that rank last, from the last on; nothing if none is faulty."""
    faulty = np.flatnonzero(ranked.judgements == FAULTY)
    if not len(faulty):
        return Html("")
    last = faulty[::-1][: MISSED // 2 if ranked.issue.ranks_pairs else MISSED].tolist()
    kind = "pairs" if ranked.issue.ranks_pairs else "images"
    caption = f"The {len(last)} of {len(faulty):,} faulty {kind} that rank last, the last one first."
    return contact_sheet([_tile(ranked, place, album) for place in last], caption)


def rank_in_words(first: int, last: int) -> str:
    """Name a rank, or the ranks that tied items share.

    Example:
        >>> rank_in_words(3, 3), rank_in_words(3, 12)
        ('#3', '#3–12')
    """
    return f"#{first:,}" if first == last else f"#{first:,}–{last:,}"


def _tile(ranked: Ranked, place: int, album: Album) -> Tile:
    item, score = ranked.items[place], ranked.scores[place]
    verdict = VERDICTS.get(int(ranked.judgements[place]), NOT_JUDGED)
    shown = f"{score:.4g}" if np.isfinite(score) else "no score"
    labels = [label for name in item if (label := album.given_label(name))]
    truth = "" if ranked.judged is None else f" {verdict}"
    lines = [f"{rank_in_words(*ranked.ranks(place))}{truth}", f"score {shown}", *item]
    if labels:
        lines.append(f"labelled {' and '.join(dict.fromkeys(labels))}")
    images = [image for name in item if (image := album.thumbnail(name))]
    if len(images) < len(item):
        lines.append("not every image can be read" if images else "cannot be read")
    caption = Html("<br>".join(escaped(line) for line in lines))
    return Tile(images, caption, " and ".join(item), marked=verdict == VERDICTS[FAULTY])
