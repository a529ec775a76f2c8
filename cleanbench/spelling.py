"""A wrong name beside the right ones: how every message ends that is about one."""

import difflib
from collections.abc import Iterable


def nearest(wrong: str, valid: Iterable[str]) -> str:
    """Return the rest of a message after its full stop: the nearest valid name, if one is near, and all there are.

    Example:
        >>> nearest("knm", ["knn", "phash"])
        " Did you mean 'knn'? Available: knn, phash"
    """
    names = list(valid)
    close = difflib.get_close_matches(wrong, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Available: {', '.join(names) or 'none'}"
