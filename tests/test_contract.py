"""The contract over every method, and the data on which it is checked."""

from functools import cache

import numpy as np
import pytest

from cleanbench import Issue, zoo
from cleanbench.checks import CHECKS, Check, Status, Subject, name_of, planted, run_check

subject_of = cache(Subject)


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
@pytest.mark.parametrize("method", zoo.available("method"))
def test_method_keeps_the_contract(method: str, check: Check) -> None:
    outcome = run_check(subject_of(method), check)
    if outcome.status is Status.FAILED:
        pytest.fail(f"{outcome.check}: {outcome.reason}")
    if outcome.status is not Status.PASSED:
        pytest.skip(f"{outcome.status}: {outcome.reason}")


def test_planted_data_is_reproducible_and_judged_as_planned() -> None:
    first, again = planted(), planted()
    np.testing.assert_array_equal(first.view.embeddings, again.view.embeddings)
    assert [truth.revision for truth in first.truths.values()] == [truth.revision for truth in again.truths.values()]
    assert {issue: truth.faulty for issue, truth in first.truths.items()} == {
        Issue.OFF_TOPIC: 10,
        Issue.NEAR_DUPLICATE: 20,
        Issue.LABEL_ERROR: 26,
    }
    with pytest.raises(ValueError, match="60 to 500"):
        planted(20)
