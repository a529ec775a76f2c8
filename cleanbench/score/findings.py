"""What is wrong with a submission: all of it, not only the first defect."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cleanbench.core import UserError
from cleanbench.datasets.tables import some


@dataclass
class Findings:
    """What a validation found so far.

    Attributes:
        defects: Why the submission cannot be scored.
        warnings: What its author should know although it can.
    """

    defects: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def lines(self, what: str, lines: Sequence[int], cure: str) -> None:
        """Note one kind of defect with its number and the first lines that have it; nothing if no line has."""
        if lines:
            shown = ", ".join(f"{line:,}" for line in lines[:3]) + (" …" if len(lines) > 3 else "")
            self.defects.append(f"{len(lines):,} {what} (line{'' if len(lines) == 1 else 's'} {shown}): {cure}")

    def names(self, what: str, names: Sequence[str], cure: str) -> None:
        """Note one kind of defect with its number and the first names that have it; nothing if no name has."""
        if names:
            self.defects.append(f"{len(names):,} {what} ({some(names)}): {cure}")

    def raise_defects(self, about: str) -> None:
        """Raise all defects as one error.

        Raises:
            UserError: If there are any.
        """
        if self.defects:
            count = "a defect" if len(self.defects) == 1 else f"{len(self.defects)} defects"
            listed = "\n".join(f"  - {defect}" for defect in self.defects)
            raise UserError(f"{about} has {count} and was not scored:\n{listed}")
