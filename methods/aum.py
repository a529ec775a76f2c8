"""Area under the margin."""

from cleanbench import Detector, Floats, Need, View
from cleanbench.linear_head import Training, margins, mean_over_epochs


class AUM(Detector):
    """Rank images by how far their label stays behind another one while a classifier is trained on it.

    Pleiss, Zhang, Elenberg and Weinberger, "Identifying Mislabeled Data using the Area Under the Margin Ranking"
    (NeurIPS 2020): the margin is the logit of the given class minus the largest other logit, and the area under it its
    mean over the epochs. The score is the negative of that; it has no bounds, and is positive where another class was
    ahead most of the time.

    Departs from the paper: the classifier is a linear head on embeddings that stay as they are, in place of a network
    that learns them, with a constant learning rate; margins are those after each epoch, not those met within it. There
    is no class of images labelled wrong on purpose: it serves to set a threshold, which a ranking does not need.

    Where embeddings have many columns for few images, a linear head learns any labels: with many epochs or a high
    learning rate margins of wrong labels grow like those of right ones. Small classes stay behind longer.

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
        return -mean_over_epochs(data, self.training, margins)
