"""What is to be fetched, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True)
class Item:
    """A file that is wanted.

    Attributes:
        key: Its id: the MD5 sum of its content, in hexadecimal.
        url: Where it was published; an empty text if that is not known.
        path: Where it is to lie.
        replaces: Whether a file with another content lies there.
        others: Further addresses, which are not asked.
    """

    key: str
    url: str
    path: Path
    replaces: bool = False
    others: tuple[str, ...] = ()


class Status(StrEnum):
    """What became of a file."""

    PRESENT = "present"  # it was there already
    FETCHED = "fetched"
    GONE = "gone"  # the server says that it has no such file, or does not give it away
    CHANGED = "changed"  # the server sends something else
    NO_ADDRESS = "no address"
    FAILED = "failed"  # another attempt may succeed
    NOT_TRIED = "not tried"

    @property
    def there(self) -> bool:
        """Whether the file lies where it should."""
        return self in (Status.PRESENT, Status.FETCHED)

    @property
    def may_pass(self) -> bool:
        """Whether it makes sense to try again soon."""
        return self in (Status.FAILED, Status.NOT_TRIED)


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        item: The file.
        status: What became of it.
        reason: Why; an empty text where it is there.
        attempts: How many requests were made for it.
        reached: Whether the server took one of them, be it only to hang up.
    """

    item: Item
    status: Status
    reason: str = ""
    attempts: int = 0
    reached: bool = False
