"""The interval of a share of counted things."""

LEVEL = 0.95


def jeffreys(successes: float, trials: float) -> tuple[float, float]:
    """Return the 95 % interval of a share, from Jeffreys' prior (Brown, Cai and DasGupta, Statistical Science 2001).

    It is for independent things, each a success with one chance: images that were sampled, not pairs that share
    images, of which it would promise too much. Where none or all are successes the interval ends at 0 or 1.

    Args:
        successes: In [0, trials]; an expected number need not be whole.
        trials: Greater than 0.

    Raises:
        ValueError: If there are no trials or more successes than trials.

    Example:
        >>> [round(end, 4) for end in jeffreys(0, 10)], [round(end, 4) for end in jeffreys(5, 10)]
        ([0.0, 0.2172], [0.2235, 0.7765])
    """
    from scipy.special import betaincinv

    if not 0 <= successes <= trials or not trials:
        raise ValueError(f"{successes} successes of {trials} trials make no share")
    ends = (betaincinv(successes + 0.5, trials - successes + 0.5, tail) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    low, high = map(float, ends)
    return (0.0 if successes == 0 else low), (1.0 if successes == trials else high)
