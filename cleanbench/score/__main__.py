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
from cleanbench.score.findings import LONGEST_LINE, Findings, shown
from cleanbench.score.manifest import Manifest, beside, cleaned, read_manifest
from cleanbench.score.names import check_encoder, check_name
from cleanbench.score.ranking_file import read_ranking
from cleanbench.score.submission import validated, write
from cleanbench.score.table_file import Limits
from cleanbench.store import make_folder


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
        who: Who made the ranking; a board wants to know.
        licence: Under which others may use it; a board wants to know.
        output: Where run folders go.
    """

    ranking: Path
    name: str | None = None
    issue: Issue | None = None
    manifest: Path | None = None
    encoder: str | None = None
    direction: str | None = None
    seed: int | None = None
    who: str | None = None
    licence: str | None = None
    output: Path = Path("runs")


def score(options: Options, given: composing.Words) -> int:
    """Score the ranking and print its table; every defect is told at once."""
    image_set, data_seed = composing.seeded_image_set_of(given)
    findings = Findings()
    path = options.manifest or beside(options.ranking)
    stated = Manifest() if path is None else read_manifest(path, findings)
    keys = ("name", "issue", "encoder", "direction", "seed", "who", "licence")
    manifest = cleaned({key: getattr(options, key) for key in keys}, stated, findings)
    check_name(manifest.name, zoo.available("method"), findings)
    check_encoder(manifest.encoder, findings)
    known = Known.of(image_set, data_seed)
    limits = Limits.of(known.images, manifest.issue)
    ranked = read_ranking(options.ranking, manifest.issue, manifest.direction, findings, limits)
    submission = validated(manifest, ranked, known, findings)
    for warning in findings.warnings:
        sys.stderr.write(f"warning: {shown(warning, LONGEST_LINE)}\n")
    findings.raise_defects(str(options.ranking))
    assert submission is not None  # without a defect there is one
    truth = image_set.truth(submission.issue)
    assert truth is not None  # it is scored against it
    runs = options.output / image_set.name
    # First the truth: a run without it could not be merged, a truth without a run is in nobody's way.
    place = runs / "truth" / image_set.truth_revision[:8] / f"{submission.issue}.parquet"
    if not place.exists():
        make_folder(place.parent)
        write_truth(place, truth, image_set.ids)
    run, folder = write(submission, runs)
    print_outcomes([Outcome(run.records[0].label, manifest.encoder, run, folder)])
    missing = [key for key in ("who", "licence") if not getattr(manifest, key)]
    if missing:
        sys.stdout.write(
            f"A board wants to know {' and '.join(f'{key}=…' for key in missing)}, here or in the manifest, before it "
            "takes this ranking.\n"
        )
    return 0


if __name__ == "__main__":
    composing.run("python -m cleanbench.score", Options, score)
