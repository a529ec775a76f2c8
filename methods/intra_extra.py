"""Intra and extra-class distance ratio."""

from cleanbench import Detector, Floats, Need, View
from cleanbench.compat import follows_reference
from cleanbench.intra_extra import intra_extra, intra_extra_cost


class IntraExtra(Detector):
    """Rank images by how much nearer they are to another class than to their own.

    The label-error score of SelfClean (Gröger et al., "Intrinsic Self-Supervision for Data Quality Audits", NeurIPS
    2024, section 3.2), on the embeddings of any encoder: d_same² / (d_same² + d_other²) in [0, 1], with the distances
    (1 - cosine) / 2 to the nearest other image of the same label and to the nearest of another one. Above .5 the
    nearest image has another label.

    One image decides for each side, so two wrong labels beside each other vouch for one another, and a near-duplicate
    with the same label hides an error. A class's only member takes its farthest image for d_same and ranks high.

    Departs from the authors' code in one place: an image with copies under its own and under another label has 0 / 0
    there, and .5 here.

    Args:
        compat: ``reference`` for the order of the authors' code, in which those undefined scores leave the list
            unsorted, so that ranks depend on the order of the images; scores then only say the rank.
    """

    needs = Need.EMBEDDINGS | Need.LABELS

    paper_encoder = "dino_selfclean"

    def __init__(self, compat: str | None = None) -> None:
        self.as_reference = follows_reference(compat)

    def label_errors(self, data: View) -> Floats:
        embeddings = data.embeddings
        if data.device == "cpu":
            data.afford(*intra_extra_cost(embeddings))
        return intra_extra(embeddings, data.labels, device=data.device, as_reference=self.as_reference)
