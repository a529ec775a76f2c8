"""The setting ``compat``: a method's own choices, or those of the CleanPatrick reference code where they differ."""

from cleanbench.core import UserError

REFERENCE = "reference"


def follows_reference(compat: str | None) -> bool:
    """Return whether a method is asked to reproduce the reference code's choices.

    Args:
        compat: ``None`` for the method's own choices, which follow its paper; ``"reference"`` for those of the
            CleanPatrick reference code, defects of a result included, so that its numbers can be reproduced.

    Raises:
        UserError: If it is anything else.

    Example:
        >>> follows_reference("reference"), follows_reference(None)
        (True, False)
    """
    if compat not in (None, REFERENCE):
        raise UserError(f"compat={compat!r} is unknown; choose {REFERENCE}, or null for the method's own choices")
    return compat == REFERENCE
