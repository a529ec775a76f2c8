"""The licence gate: what a data set's licence means for pages that are passed on, said in one place.

A page is *shared* if it is made to be passed on: a leaderboard, a site. It shows an image only if the card of the set
says that its images may be passed on. That is more cautious than some licences, which allow it under conditions: not
commercially, say. A page on the user's own disk may show the user's own images; it then says at its top that it is not
for sharing.
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
        """Whether images may be passed on; False also where that is unknown, or allowed under conditions only."""


def may_show_images(terms: Licensed, *, shared: bool) -> bool:
    """Return whether a page may show images of a data set.

    Args:
        terms: Of the data set.
        shared: Whether the page is made to be passed on.
    """
    return terms.redistributable or not shared


def sentence(terms: Licensed, name: str = "the data") -> str:
    """Return what stands wherever numbers of a data set go.

    Args:
        terms: Of the data set.
        name: What the set is called.

    Example:
        >>> from cleanbench.image_set import Card
        >>> sentence(Card("", "CC-BY-NC-4.0", commercial=False))
        'Licence of the data: CC-BY-NC-4.0. Non-commercial use only. Pages made to be shared show none of its images.'
        >>> sentence(Card("", "not stated"), "scans")
        'Licence of scans: not stated. Pages made to be shared show none of its images.'
    """
    licence = (terms.licence or NOT_STATED).rstrip(".")
    commercial = {
        True: " Commercial use is allowed.",
        False: " Non-commercial use only.",
        None: "" if licence == NOT_STATED else " Whether commercial use is allowed is not stated.",
    }[terms.commercial]
    passing = "Images may be passed on" if terms.redistributable else "Pages made to be shared show none of its images"
    return f"Licence of {name}: {licence}.{commercial} {passing}."


def not_for_sharing(terms: Licensed) -> str:
    """Return what a page on the user's disk says at its top if it shows images; empty if they may be passed on."""
    if terms.redistributable:
        return ""
    return (
        "not for sharing. This page shows images that the card of their set does not say may be passed on freely "
        f"(licence: {terms.licence or NOT_STATED}); keep it to yourself, or look at the conditions."
    )
