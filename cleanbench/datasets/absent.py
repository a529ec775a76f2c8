"""Images that are listed but not here: a set can be counted without them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Absent:
    """Images of which only the names are known; reading one says what to give.

    Attributes:
        names: What messages call them.
        cure: What the user can do.
    """

    names: tuple[str, ...]
    cure: str

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    def read(self, index: int) -> bytes:
        """Refuse.

        Raises:
            OSError: Always, with the cure.
        """
        raise OSError(f"{self.names[index]} is listed only: {self.cure}")

    def describe(self, index: int) -> str:
        """Return the name of an image."""
        return self.names[index]
