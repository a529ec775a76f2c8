"""Numbers as the cells of tables show them."""

from cleanbench.records import Measured

NOTHING = "–"


def value(measured: Measured) -> str:
    """Return a value with its interval.

    Example:
        >>> value(Measured(value=0.5, low=0.4, high=0.62)), value(Measured(value=None, reason="no items"))
        ('0.500 [0.400, 0.620]', '–')
    """
    if measured.value is None:
        return NOTHING
    if measured.low is None or measured.high is None:
        return f"{measured.value:.3f}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"


def number(found: float | None, digits: int = 3) -> str:
    """Return a number, or a dash where there is none."""
    return NOTHING if found is None else f"{found:,.{digits}f}"
