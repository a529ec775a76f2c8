"""What is wrong with a submission: all of it, not only the first defect, told in lines that nobody can forge."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cleanbench.core import UserError
from cleanbench.datasets.tables import count, some

LONGEST = 80  # signs of a foreign text within a message
LONGEST_LINE = 1000


@dataclass
class Findings:
    """What a validation found so far.

    Attributes:
        defects: Why the submission cannot be scored.
        warnings: What its author should know although it can.
    """

    defects: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def lines(self, noun: str, wrong: str, lines: Sequence[int], cure: str) -> None:
        """Note one kind of defect with its number and the first lines that have it; nothing if no line has."""
        if lines:
            first = ", ".join(f"{line:,}" for line in lines[:3]) + (" …" if len(lines) > 3 else "")
            where = f"line{'' if len(lines) == 1 else 's'} {first}"
            self.defects.append(f"{count(len(lines), noun)} {wrong} ({where}): {cure}")

    def names(self, noun: str, wrong: str, names: Sequence[str], cure: str) -> None:
        """Note one kind of defect with its number and the first names that have it; nothing if no name has."""
        if names:
            self.defects.append(f"{count(len(names), noun)} {wrong} ({some(names)}): {cure}")

    def raise_defects(self, about: str) -> None:
        """Raise all defects as one error.

        Raises:
            UserError: If there are any.
        """
        if self.defects:
            number = "a defect" if len(self.defects) == 1 else f"{len(self.defects)} defects"
            listed = "\n".join(f"  - {shown(defect, LONGEST_LINE)}" for defect in self.defects)
            raise UserError(f"{shown(about)} has {number} and was not scored:\n{listed}")


def shown(text: object, length: int = LONGEST) -> str:
    r"""Return a foreign text as a message may show it: on one line, cut, and every sign seen instead of acting.

    A name, a header or a setting could otherwise add lines of its own to a report, colour a terminal, or give orders
    to a runner that reads its log (``::error::`` on a line of its own, ``##[error]`` anywhere).

    Example:
        >>> shown("a\n::error::b \x1b[31m ##[error]c")
        'a\\n::error::b \\x1b[31m #\\x23[error]c'
    """
    whole = str(text)
    seen = "".join(map(_seen, whole[:length])).replace("##[", r"#\x23[")
    return seen if len(whole) <= length else f"{seen[: length - 1]}…"


def _seen(sign: str) -> str:
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode()
