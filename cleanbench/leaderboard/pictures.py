"""``python -m cleanbench.leaderboard.pictures``: small copies of the images that the pages of a board show."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench.commands import composing
from cleanbench.core import UserError
from cleanbench.datasets.tables import count
from cleanbench.image_set import ImageSet
from cleanbench.leaderboard import checksums, rendering, tables
from cleanbench.leaderboard.board import Board, boards
from cleanbench.leaderboard.evidence import read_truth
from cleanbench.leaderboard.filing import refuse_changed
from cleanbench.leaderboard.merge import render
from cleanbench.licence import may_show_images, sentence
from cleanbench.report.page import small_jpeg
from cleanbench.store import make_folder, write_whole

SIDE = 64  # pixels


@dataclass(frozen=True)
class Options:
    """Put small copies of the images at the top of the rankings on the pages of a data set's boards.

    Attributes:
        board: Where the boards are.
    """

    board: Path = Path("leaderboards")


def pictures(options: Options, given: composing.Words) -> int:
    """Write the copies and render the boards again."""
    if not options.board.is_dir():
        raise UserError(f"there is no folder {options.board}; say where the boards are: board=DIR")
    image_set = composing.image_set_of(given)
    if not may_show_images(image_set.card, shared=True):
        raise UserError(
            f"a board is passed on, and must not show images of {image_set.name!r}. "
            f"{sentence(image_set.card, image_set.name)}"
        )
    found = [board for board in boards(options.board) if board.folder.parent.name == image_set.name]
    if not found:
        raise UserError(f"{options.board} has no board of {image_set.name}; choose another data set: dataset=NAME")
    written = sum(_write(board, image_set) for board in found)
    refused = render(options.board)
    sys.stdout.write("".join(f"refused: {reason}\n" for reason in refused))
    sys.stdout.write(
        f"{options.board}: {count(written, 'picture')} on {count(len(found), 'board')} of {image_set.name}\n"
    )
    return 1 if refused else 0


def _write(board: Board, image_set: ImageSet) -> int:
    """Write the copies for one board; return how many it shows."""
    wanted: set[str] = set()
    standing = board.records()
    refuse_changed(board, standing)
    for issue, records in tables.by_issue(standing):
        if records[0].fingerprint != image_set.fingerprint:
            raise UserError(
                f"{board.folder} is about other pixels or labels (fingerprint {records[0].fingerprint[:8]}) than the "
                f"data set at hand ({image_set.fingerprint[:8]}); give its settings as the runs had them"
            )
        looks = rendering.looks_at(board, records, read_truth(board.truth(issue), issue))
        if looks and not rendering.pictures_of(board, records, looks):
            raise UserError(f"the records of {board.folder} do not state a licence that lets it show images; run again")
        for look in looks.values():
            wanted |= {name for suspect in look.top for name in suspect.ids}
    places = {name: place for place, name in enumerate(image_set.ids)}
    make_folder(board.pictures)
    for name in sorted(wanted):
        write_whole(board.picture(name), small_jpeg(image_set.images[places[name]], SIDE))
    written = map(board.picture, wanted)
    checksums.write(board.picture_sums, {path.name: checksums.sum_of(path) for path in written})
    return len(wanted)


if __name__ == "__main__":
    composing.run("python -m cleanbench.leaderboard.pictures", Options, pictures)
