"""What a submission calls its method and its encoder, and whether that name is free."""

import re
import unicodedata
from collections.abc import Iterable

from cleanbench.leaderboard.entries import CHANCE
from cleanbench.records import Record
from cleanbench.score.findings import Findings, shown

JOINED = " on "  # between method and encoder, in pages and standings
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._+=-]{0,58}[A-Za-z0-9_+=-])?")
ALLOWED = (
    "cannot stand in tables and file names; use up to 60 letters, digits, spaces and ._+=-, start with a letter or "
    "digit and do not end with a space or dot"
)


def check_name(name: str | None, taken: Iterable[str], findings: Findings) -> None:
    """Note what is wrong with the name of a method.

    Args:
        name: As given.
        taken: Names of the methods that the harness runs itself.
        findings: Takes the defects.
    """
    if name is None:
        findings.defects.append("the submission has no name; say what tables shall call the method: name=…")
    elif not NAME.fullmatch(name):
        findings.defects.append(f"name={shown(repr(name))} {ALLOWED}")
    elif JOINED in name:
        findings.defects.append(
            f"name={shown(repr(name))} holds {JOINED!r}, which stands between method and encoder in tables; say the "
            "encoder by itself: encoder=…"
        )
    elif folded(name).startswith(folded(CHANCE)[: len("bychance")]):
        findings.defects.append(f"name={shown(repr(name))} is what tables call a random order; choose another name")
    elif same := next((each for each in taken if folded(each) == folded(name)), None):
        called = "" if same == name else f", as {same!r}"
        findings.defects.append(
            f"name={name!r} is a method that cleanbench runs itself{called}; a ranking made elsewhere needs a name of "
            "its own"
        )


def check_encoder(encoder: str | None, findings: Findings) -> None:
    """Note what is wrong with the name of an encoder."""
    if encoder is not None and not NAME.fullmatch(encoder):
        findings.defects.append(
            f"encoder={shown(repr(encoder))} {ALLOWED}; leave it out if the method saw no embeddings"
        )
    elif encoder is not None and (JOINED in encoder or folded(encoder) == "none"):
        findings.defects.append(
            f"encoder={shown(repr(encoder))} is no name of one; leave it out if the method saw no embeddings"
        )


def check_owner(name: str, who: str, standing: Iterable[tuple[str, Record]], findings: Findings) -> None:
    """Note that a name stands on a board as somebody else's: their rows would be replaced, or averaged with it.

    Args:
        name: Of the submission.
        who: Made it.
        standing: The records of all boards, each with the name of its board.
        findings: Takes the defect.
    """
    for board, record in standing:
        if folded(record.method) != folded(name):
            continue
        called = f"{shown(repr(record.method))} stands on the board {board}"
        if record.provenance is None:
            findings.defects.append(f"{called} as a method that was run there; choose another name than {name!r}")
        elif person(record.who) != person(who):
            by = f"by {shown(repr(record.who))}" if record.who else "and does not say by whom"
            yours = ", or state who as there if it is yours" if record.who else ""
            findings.defects.append(f"{called} {by}; choose another name than {name!r}{yours}")
        elif record.method != name:
            findings.defects.append(f"{called} by the same person; write the name as there, not {name!r}")
        else:
            continue
        return


def folded(name: str) -> str:
    """Return a name as names are compared: letters and digits, without case.

    Example:
        >>> folded("Self_Clean.") == folded("selfclean"), folded("v1.1") == folded("v11")
        (True, False)
    """
    apart = re.sub(r"(?<=\d)[\W_]+(?=\d)", "\0", name.casefold())  # 1.1 is not 11
    return re.sub(r"[^\w\0]|_", "", apart) or name


def person(who: str) -> str:
    """Return who made a ranking as persons are compared: without case, spaces and signs that are not seen."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", who).casefold() if sign.isalnum())
