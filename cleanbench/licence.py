"""The licence gate: what a data set's licence means for pages that are passed on, said in one place.

A page is *shared* if it is made to be passed on: a leaderboard, a site. It shows an image only if the licence is known
to allow passing images on. A page on the user's own disk may show the user's own images; it then says at its top that
it is not for sharing.
"""

from typing import Protocol

NOT_STATED = "not stated"


class Licensed(Protocol):
    """What the gate reads: a `Card`, or what a record keeps of one."""

    @property
    def licence(self) -> str:
        """SPDX identifier, or the terms in a sentence."""

    @property
    def commercial(self) -> bool | None:
        """Whether commercial use is allowed; None: not stated."""

    @property
    def redistributable(self) -> bool:
        """Whether the licence is known to allow passing images on."""


def may_show_images(terms: Licensed, *, shared: bool) -> bool:
    """Return whether a page may show images of a data set.

    Args:
        terms: Of the data set.
        shared: Whether the page is made to be passed on.
    """
    return terms.redistributable or not shared


def sentence(terms: Licensed) -> str:
    """Return what stands wherever numbers of a data set go.

    Example:
        >>> from cleanbench.image_set import Card
        >>> sentence(Card("", "CC-BY-NC-4.0", commercial=False))
        'Licence of the data: CC-BY-NC-4.0. Non-commercial use only. Images may not be passed on, as far as is known.'
    """
    commercial = {
        True: "Commercial use is allowed.",
        False: "Non-commercial use only.",
        None: "Whether commercial use is allowed is not stated.",
    }[terms.commercial]
    passing = "may be passed on" if terms.redistributable else "may not be passed on, as far as is known"
    return f"Licence of the data: {(terms.licence or NOT_STATED).rstrip('.')}. {commercial} Images {passing}."


def not_for_sharing(terms: Licensed) -> str:
    """Return what a page on the user's disk says at its top if it shows images; empty if they may be passed on."""
    if terms.redistributable:
        return ""
    return (
        "not for sharing. This page shows images whose licence is not known to allow passing them on "
        f"({terms.licence or NOT_STATED}); keep it to yourself."
    )
