"""The contract that every method must keep, to run on one's own methods.

``run_contract("acme")`` checks a method by its name, ``run_contract(Acme)`` by its class. In a test::

    @pytest.mark.parametrize("check", CHECKS)
    def test_contract(check):
        outcome = run_check(Subject("acme"), check)
        assert outcome.status is not Status.FAILED, outcome.reason

Known exceptions are declared in `Detector.exempt`: the name of the check (that of its function without
``check_``) with a reason.
"""

from cleanbench.checks.contract import CHECKS, run_contract
from cleanbench.checks.planted import Planted, planted
from cleanbench.checks.subject import (
    Check,
    ContractViolation,
    Outcome,
    Status,
    Subject,
    name_of,
    run_check,
)

__all__ = [
    "CHECKS",
    "Check",
    "ContractViolation",
    "Outcome",
    "Planted",
    "Status",
    "Subject",
    "name_of",
    "planted",
    "run_check",
    "run_contract",
]
