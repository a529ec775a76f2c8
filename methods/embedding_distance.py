"""Distance of embeddings."""

from collections.abc import Mapping

from cleanbench import Detector, Floats, Ints, Issue, Need, Ranking, UserError, View
from cleanbench.approximate import INDEXES, Search, approximate_top_pairs, cost
from cleanbench.distances import Distance
from cleanbench.neighbours import top_pairs, top_pairs_cost
from cleanbench.settings import seed_number, whole_number


class EmbeddingDistance(Detector):
    """Score pairs by how near their embeddings are, in the representation of any encoder.

    The score is 1 - d, in [0, 1], of d = (1 - cosine) / 2 or, with ``distance=euclidean``, of the length of the
    difference of two embeddings over its bound: for rows of length 1 the root of the above, which ranks pairs alike;
    for rows as they are the bound is twice the length of the set's longest row. A row of zeros has a cosine of 0 to
    all.

    What an encoder was trained to ignore counts as the same: one that is invariant to crops finds crops, and one that
    was trained on classes takes all of a class for near-duplicates.

    The most suspicious of all pairs are found exactly, in time that grows with the square of the number of images, or
    by an approximate index (`cleanbench.approximate`), which may miss some and pays off from some 100,000 images on:
    with fewer the exact search is about as quick, or quicker. What share an index finds is measured on a sample and
    noted in the record: ``recall`` of the pairs that belong on the list, by ``recall_sample`` random images, which have
    ``recall_pairs`` of them. Groups of more copies than ``neighbours`` lower it. Asked pairs are scored alike with
    every index.

    Args:
        distance: ``cosine`` or ``euclidean``.
        normalise: Scale embeddings to length 1 (L2) before their Euclidean distance; a cosine does so by itself, and
            there this changes nothing.
        index: ``exact``, ``hnsw`` or ``ivf``; the last two need ``faiss-cpu``.
        neighbours: How many neighbours of each image an approximate index is asked for, at least.
        recall_sample: On how many images its recall is measured, at least.
        seed: Of the index and the sample.
    """

    needs = Need.EMBEDDINGS

    def __init__(
        self,
        distance: str = "cosine",
        normalise: bool = True,
        index: str = "exact",
        neighbours: int = 50,
        recall_sample: int = 500,
        seed: int = 0,
    ) -> None:
        self.distance = Distance(distance, normalise)
        if index not in ("exact", *INDEXES):
            raise UserError(f"index={index!r} is unknown; choose one of exact, {', '.join(INDEXES)}")
        self.index = index
        self.neighbours = whole_number("neighbours", neighbours)
        self.recall_sample = whole_number("recall_sample", recall_sample)
        self.seed = seed_number(seed)

    def near_duplicates(self, data: View, pairs: Ints) -> Floats:
        return self.distance.nearness(self.distance.measure(data.embeddings)(pairs[:, 0], pairs[:, 1]))

    def retrieve(self, data: View, limit: int) -> Ranking:
        embeddings, measure = data.embeddings, self.distance.measure
        notes: Mapping[str, str | int | float] = {}
        if self.index == "exact":
            if data.device == "cpu":
                data.afford(top_pairs_cost(*embeddings.shape))
            pairs, similarities = top_pairs(embeddings, limit, measure, data.device)
        else:
            data.afford(*cost(self.index, *embeddings.shape))
            search = Search(self.index, self.neighbours, self.recall_sample, self.seed, data.threads)
            pairs, similarities, notes = approximate_top_pairs(embeddings, limit, measure, search)
        return Ranking(Issue.NEAR_DUPLICATE, pairs, self.distance.nearness(similarities), notes=notes)
