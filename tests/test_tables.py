"""Tables in the terminal: seeds, rows that are one run, rankings without truth, what embeddings cost."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from cleanbench.commands.tables import print_outcomes
from cleanbench.run import Outcome

Rank = Callable[..., Outcome]


@pytest.fixture
def ask(rank_with: Rank, pictures: Path) -> Rank:
    """Return a function that runs a method on the judged pictures."""
    return lambda *overrides: rank_with("dataset=folder", f"dataset.root={pictures}", *overrides)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[Sequence[Outcome]], list[str]]:
    """Return a function that prints outcomes and returns the lines, blanks as one."""

    def show(outcomes: Sequence[Outcome]) -> list[str]:
        capsys.readouterr()
        print_outcomes(outcomes)
        return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    return show


def test_seeds_have_a_column_where_they_differ(ask: Rank, printed: Callable[..., list[str]]) -> None:
    one = ask("method=odd", "seed=1")
    assert not any("Seed" in line for line in printed([one]))
    lines = printed([one, ask("method=odd", "seed=12"), ask("method=odd", "seed=3")])
    assert lines[1].startswith("Method Encoder Seed AP")
    assert {line.split()[2] for line in lines[2:5]} == {"1", "12", "3"}
    # The seeds of an encoder are told apart from those of a method.
    encoders = [
        ask("method=selfclean", "encoder=simclr", "encoder.epochs=0", f"encoder.seed={seed}") for seed in (4, 5)
    ]
    lines = printed(encoders)
    assert lines[1].startswith("Method Encoder Encoder seed AP")
    assert {line.split()[2] for line in lines[2:4]} == {"4", "5"}


def test_a_method_without_embeddings_is_one_run_whatever_the_encoder(
    ask: Rank, printed: Callable[..., list[str]]
) -> None:
    swept = [ask("method=odd", f"encoder={name}") for name in ("hog", "simclr", "pixels")]
    assert [outcome.reused for outcome in swept] == [False, True, True]
    lines = printed(swept)
    assert sum(line.startswith("odd –") for line in lines) == 2, "once for each of its two issues"
    (place,) = (line for line in lines if line.startswith("odd: "))
    assert "finished before" not in place
    missing = [ask("method=needs_package", f"encoder={name}") for name in ("hog", "pixels")]
    assert sum("no-such-distribution" in line for line in printed(missing)) == len(missing[0].run.not_ranked)


def test_without_truth_the_most_suspicious_are_shown_with_their_files(
    rank_with: Rank, unjudged: Path, printed: Callable[..., list[str]]
) -> None:
    place = ["dataset=folder", f"dataset.root={unjudged}", "encoder=pixels"]
    outcome = rank_with(*place, "method=selfclean")
    assert outcome.folder is not None
    lines = printed([outcome])
    assert "Method Encoder CPU s MiB" in lines, "no columns of dashes"
    title = f"Off topic by selfclean on pixels: the 8 most suspicious; all of them are in {outcome.folder}"
    start = next(at for at, line in enumerate(lines) if line.startswith(title))
    assert lines[start + 1] == "Score Image"
    rows = [line.split() for line in lines[start + 2 : start + 10]]
    assert {row[1] for row in rows} == {str(path) for path in unjudged.rglob("*.png")}
    scores = [float(row[0]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    start = next(
        at for at, line in enumerate(lines) if line.startswith("Near duplicate by selfclean on pixels: the 10")
    )
    assert lines[start + 1] == "Score Image Other image"
    assert len(lines[start + 2].split()) == 3
    found = rank_with(*place, "method=selfclean")
    assert (found.reused, found.top) == (True, outcome.top)
    assert Outcome.from_json(found.to_json()) == found


def test_embeddings_are_recorded_and_shown_with_their_cost(ask: Rank, printed: Callable[..., list[str]]) -> None:
    words = ["method=selfclean", "encoder=simclr", "encoder.epochs=2", "encoder.rank_floor=0"]
    first = ask(*words)
    again = ask(*words, "force=true")
    costs = [record.encoder_detail.cost for outcome in (first, again) for record in outcome.run.records]  # type: ignore[union-attr]
    assert len(set(costs)) == 1, "also when the embeddings are found"
    cost = costs[0]
    assert cost is not None
    assert cost.cpu_seconds > 0.1
    assert (cost.device, cost.threads) == ("cpu", 1)
    (said,) = (line for line in printed([first]) if line.startswith("CPU s of the embeddings, made once for all"))
    assert f"simclr {cost.cpu_seconds:.1f}" in said
    assert not any(line.startswith("CPU s of the embeddings") for line in printed([ask("method=odd")]))


def test_a_floor_is_held_against_a_finished_run(ask: Rank) -> None:
    words = ["method=selfclean", "encoder=simclr", "encoder.epochs=2", "encoder.seed=9"]
    ask(*words, "encoder.rank_floor=0")
    with pytest.raises(Exception, match="collapsed: their effective rank was below rank_floor=21 for 2 epochs"):
        ask(*words, "encoder.rank_floor=21")


def test_surplus_ids_of_given_embeddings_are_a_warning_also_when_found(ask: Rank, tmp_path: Path) -> None:
    ids = [f"i{number:02d}" for number in range(24)]
    np.savez(tmp_path / "rows.npz", ids=np.array(ids), embeddings=np.random.default_rng(0).random((24, 4)))
    words = ["encoder=given", f"encoder.path={tmp_path / 'rows.npz'}"]
    told = "2 of the 24 ids in rows.npz belong to no readable image of the set and are passed over: 'i03', 'i05'"
    for method, reused in (("selfclean", False), ("selfclean", True), ("knn_disagreement", False)):
        outcome = ask(f"method={method}", *words)
        assert outcome.reused is reused
        assert outcome.warnings[-1] == told
