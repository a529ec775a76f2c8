"""``python -m cleanbench.score``: score a ranking made elsewhere as a run would be."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cleanbench import zoo
from cleanbench.commands import composing
from cleanbench.commands.tables import print_outcomes
from cleanbench.core import Issue
from cleanbench.rankings import write_truth
from cleanbench.run import Outcome
from cleanbench.score.against import Known
from cleanbench.score.findings import Findings
from cleanbench.score.manifest import Manifest, beside, check_name, cleaned, read_manifest
from cleanbench.score.ranking_file import read_ranking
from cleanbench.score.submission import validated, write


@dataclass(frozen=True)
class Options:
    """Validate a ranking made by anything, score it as a run is scored, and write the same record.

    Attributes:
        ranking: A CSV or Parquet file: columns id (pairs: id_a, id_b) and score; without score, the first row is the
            most suspicious. An optional column flag holds the method's own decision, 0 or 1.
        name: What tables shall call the method.
        issue: off_topic, near_duplicate or label_error.
        manifest: YAML or JSON with name, issue, dataset, fingerprint, truth_revision, direction, encoder, seed,
            settings, supervised, who, licence, code, description, cpu_seconds, peak_mib, all optional; by default
            manifest.yaml or manifest.json beside the ranking, if there is one.
        encoder: The representation that the method saw.
        direction: Which scores are suspicious: higher (by default) or lower.
        seed: Of the method.
        output: Where run folders go.
    """

    ranking: Path
    name: str | None = None
    issue: Issue | None = None
    manifest: Path | None = None
    encoder: str | None = None
    direction: str | None = None
    seed: int | None = None
    output: Path = Path("runs")


def score(options: Options, given: composing.Words) -> int:
    """Score the ranking and print its table; every defect is told at once."""
    image_set, data_seed = composing.seeded_image_set_of(given)
    findings = Findings()
    path = options.manifest or beside(options.ranking)
    stated = Manifest() if path is None else read_manifest(path, findings)
    own = {key: getattr(options, key) for key in ("name", "issue", "encoder", "direction", "seed")}
    manifest = cleaned(own, stated, findings)
    check_name(manifest.name, zoo.available("method"), findings)
    ranked = read_ranking(options.ranking, manifest.issue, manifest.direction, findings)
    submission = validated(manifest, ranked, Known.of(image_set, data_seed), findings)
    for warning in findings.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    findings.raise_defects(str(options.ranking))
    assert submission is not None  # without a defect there is one
    runs = options.output / image_set.name
    run, folder = write(submission, runs)
    truth = image_set.truth(submission.issue)
    assert truth is not None  # it was scored against it
    place = runs / "truth" / image_set.truth_revision[:8] / f"{submission.issue}.parquet"
    if not place.exists():
        write_truth(place, truth, image_set.ids)
    print_outcomes([Outcome(run.records[0].label, manifest.encoder, run, folder)])
    return 0


if __name__ == "__main__":
    composing.run("python -m cleanbench.score", Options, score)
