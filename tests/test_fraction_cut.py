"""SelfClean's automatic cut against recorded ones, with the reference's positions corrected."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import logistic

from cleanbench import Floats, Ints
from cleanbench.fraction_cut import fraction_cut

SCORES = {
    "near_duplicates": "near_dup_scores_{}",
    "off_topic_samples": "off_topic_scores_local_{}",
    "label_errors": "label_scores_{}",
}


def expected_flags(distances: Floats, positions: Ints) -> list[bool]:
    """Return what is to be flagged, given what the reference flags among the distances in (0, 1)."""
    inside = np.flatnonzero((distances > 0) & (distances < 1))
    flags = distances <= 0  # copies, which the reference leaves out
    flags[inside[positions]] = True
    return flags.tolist()


@pytest.mark.parametrize("data", ["A_n300_d32", "B_degenerate_n60", "Z_zero_rows_n60"])
@pytest.mark.parametrize("issue", SCORES)
def test_recorded_cuts_of_selfclean(goldens: Path, data: str, issue: str) -> None:
    with np.load(goldens / f"selfclean_{data}.npz") as arrays:
        images, found = len(arrays["labels"]), 0
        for name in arrays.files:
            match = re.fullmatch(rf"fraction_cut_{issue}_a([.\d]+)_q([.\d]+)_(\w+)", name)
            if match is None:
                continue
            distances = arrays[SCORES[issue].format(match[3])].astype(np.float64)
            # Undefined scores are no distances; a method's own are .5, on the other side of any cut.
            distances[np.isnan(distances)] = 1.0
            flags = fraction_cut(
                1 - distances,
                images,
                contamination=float(match[1]),
                significance=float(match[2]),
                pairs=issue == "near_duplicates",
            )
            assert flags.tolist() == expected_flags(distances, arrays[name]), name
            found += 1
    assert found == 18


@pytest.mark.parametrize("case", range(4))
def test_recorded_cuts_of_planted_scores(goldens: Path, case: int) -> None:
    with np.load(goldens / "fraction_cut_cases.npz") as arrays:
        distances = arrays[f"case{case}_scores"]
        names = [name for name in arrays.files if name.startswith(f"case{case}_auto")]
        for name in names:
            alpha, q = map(float, re.findall(r"[aq]([\d.]+)(?=_|$)", name))
            flags = fraction_cut(1 - distances, len(distances), contamination=alpha, significance=q)
            assert flags.tolist() == expected_flags(distances, arrays[name]), name
            assert flags[distances == 0].all()
            assert not flags[distances == 1].any()
    assert len(names) == 9


def test_the_cut_is_a_quantile_of_the_logistic_through_two_quantiles() -> None:
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.logistic(2, 0.5, 2000), [-6, -5, -4]])
    low, high = np.quantile(logits, [0.1, 0.05**0.5])
    ends = logistic.ppf([0.1, 0.05**0.5])
    scale = (high - low) / (ends[1] - ends[0])
    cut = logistic.ppf(0.05 * 0.1, loc=low - scale * ends[0], scale=scale)
    flags = fraction_cut(1 - logistic.cdf(logits), len(logits), contamination=0.1)
    np.testing.assert_array_equal(flags, logits < cut)
    assert flags[-3:].all()
    assert flags.mean() < 0.02


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 0.95, 0.99, 1.0, -np.inf]), max_size=30), st.integers(0, 9))
def test_what_is_more_suspicious_than_a_flagged_item_is_flagged(values: list[float], seed: int) -> None:
    scores = np.array(values)
    flags = fraction_cut(scores, len(scores), contamination=0.2, significance=0.5)
    assert flags[scores >= 1].all()
    assert not flags[scores <= 0].any()
    assert scores[flags].min(initial=np.inf) >= scores[~flags].max(initial=-np.inf)
    order = np.random.default_rng(seed).permutation(len(scores))
    moved = fraction_cut(scores[order], len(scores), contamination=0.2, significance=0.5)
    np.testing.assert_array_equal(moved, flags[order])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"contamination": 0.5}, "contamination"),
        ({"significance": 0}, "significance"),
        ({"images": 10_000}, "scores of all items"),
        ({"scores": np.array([np.nan, 0.5])}, "NaN"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fraction_cut(**{"scores": np.linspace(0.1, 0.9, 5), "images": 5, **arguments})
