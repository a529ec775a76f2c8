"""Data maps."""

from cleanbench import Detector, Floats, Need, View
from cleanbench.linear_head import Training, confidences, mean_over_epochs


class DataMap(Detector):
    """Rank images by how little a classifier believes in their label while it is trained on it.

    Swayamdipta et al., "Dataset Cartography: Mapping and Diagnosing Datasets with Training Dynamics" (EMNLP 2020): the
    confidence of an image is the mean over the epochs of the probability of its given label, and images of low
    confidence, hard to learn, are those among which the authors find wrong labels. The score is 1 minus the confidence,
    in [0, 1].

    Departs from the paper: the classifier is a linear head on embeddings that stay as they are, in place of a network
    that learns them, with a constant learning rate. The map's other axis, the variability of that probability, tells
    ambiguous images from easy ones and does not enter the ranking.

    Hard to learn is not wrong: rare classes and rare views of a class rank high as well. Where embeddings have many
    columns for few images, a linear head learns any labels, and with many epochs believes in wrong ones.

    Args:
        epochs: How often each image is seen.
        batch: Images per step.
        learning_rate: Of every step.
        momentum: The share of the last step that the next one keeps.
        weight_decay: Of the weights.
        seed: Of the order in which images are seen.
    """

    needs = Need.EMBEDDINGS | Need.LABELS
    stochastic = True

    def __init__(
        self,
        epochs: int = 50,
        batch: int = 64,
        learning_rate: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 1e-4,
        seed: int = 0,
    ) -> None:
        self.training = Training(epochs, batch, learning_rate, momentum, weight_decay, seed)

    def label_errors(self, data: View) -> Floats:
        return 1 - mean_over_epochs(data, self.training, confidences)
