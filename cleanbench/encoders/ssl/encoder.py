"""An encoder that trains itself on the images it is to embed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cleanbench.core import UserError, digest_of
from cleanbench.encoders.base import Encoder, Fitted
from cleanbench.images import Images
from cleanbench.settings import check_types

# How many global crops each objective compares.
GLOBAL_CROPS = {"byol": 2, "dino": 2, "mae": 1, "simclr": 2, "vicreg": 2}
BLUR_LEAST = 0.1  # pixels, the smallest deviation of a blur
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True)
class SelfSupervised(Encoder):
    """Trains a network on the data set itself, without labels, and embeds with its features.

    The weights are a function of images, settings, software and processor: the same seed gives the same bits in two
    processes on one machine with one thread; another thread count, processor or device changes the last digits, which
    training amplifies. Embeddings are raw features; an embedding differs between batch sizes by at most 1e-4 of the
    largest value. Images are squeezed into a square, aspect ratio not kept.

    Attributes:
        objective: ``simclr``, ``byol``, ``dino``, ``mae`` or ``vicreg``; see `cleanbench.encoders.ssl.objectives`.
        backbone: ``small_resnet``, or the name of a model of timm.
        pretrained: Start from timm's weights instead of random ones; for models of timm.
        width: Channels of the first stage of small_resnet; it has 8 times as many features.
        size: Side of the square that the network sees, in pixels.
        patch: Side of a patch of a vision transformer; 0 for the model's own.
        pool: How a vision transformer sums up its tokens: ``token``, ``avg``, or empty for the model's own way.
        drop_path: Stochastic depth of the trained network, for models of timm.
        decode_size: Side of the square that crops are taken from; 0 for ``size``.
        epochs: Passes over the images; 0 keeps the random initial weights, for comparison.
        warmup: Epochs in which the learning rate rises.
        batch_size: Images per forward pass, over all devices; a set smaller than that is one batch.
        accumulate: Forward passes per update.
        learning_rate: Of AdamW, at its peak; falls to ``learning_rate_end`` along a cosine.
        learning_rate_end: At the end.
        weight_decay: At the start, of weights; none on biases and norms.
        weight_decay_end: At the end.
        clip: Largest norm of the gradient; 0 for none.
        crop_smallest: Smallest share of an image's area in a global crop; the largest is 1.
        local_crops: Small crops per image, for ``dino``.
        local_size: Their side, in pixels.
        local_smallest: Smallest share of the area in them.
        local_largest: Largest share of the area in them.
        flip: Probability of a mirrored view.
        rotation: Probability of a turned view, by 0 to 180 degrees.
        jitter_probability: Probability of changed colours.
        jitter: Largest change of brightness and of contrast.
        saturation: Largest change of saturation.
        hue: Largest change of hue, in turns.
        gray: Probability of a gray view.
        blur: Probability of a blurred first view.
        blur_second: Probability of a blurred second view.
        blur_local: Probability of a blurred local crop.
        blur_sigma: Largest deviation of the blur, in pixels.
        solarize: Probability of a solarised second view.
        head_width: Of the hidden layers of the projection head; for ``mae``, of the decoder.
        head_outputs: Of the projection head; without meaning for ``mae``.
        temperature: Of ``simclr``.
        momentum: Of the teacher of ``byol`` and ``dino``, at the start; rises to 1.
        teacher_temperature: Of ``dino``.
        teacher_temperature_start: Of ``dino``, at the start.
        teacher_warmup: Epochs in which it changes to ``teacher_temperature``.
        freeze_last_layer: Epochs in which the last layer of the head of ``dino`` is kept.
        mask_ratio: Share of hidden patches of ``mae``.
        decoder_depth: Blocks of the decoder of ``mae``.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``; of the training, embeddings are made in 32 bits.
        devices: How many devices train together.
        seed: Of initial weights, order, views and masks.
        device: The torch device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        threads: Of a CPU.
        checkpoint_every: Epochs between checkpoints; what came after the last one is repeated when a killed run
            resumes.
        rank_floor: Training fails when the effective rank of the embeddings stays below this.
        rank_patience: For how many epochs it may.
    """

    objective: str = "simclr"
    backbone: str = "small_resnet"
    pretrained: bool = False
    width: int = 32
    size: int = 32
    patch: int = 0
    pool: str = ""
    drop_path: float = 0.0
    decode_size: int = 0
    epochs: int = 45
    warmup: int = 5
    batch_size: int = 256
    accumulate: int = 1
    learning_rate: float = 2e-3
    learning_rate_end: float = 0.0
    weight_decay: float = 1e-4
    weight_decay_end: float = 1e-4
    clip: float = 0.0
    crop_smallest: float = 0.25
    local_crops: int = 0
    local_size: int = 16
    local_smallest: float = 0.05
    local_largest: float = 0.25
    flip: float = 0.5
    rotation: float = 0.0
    jitter_probability: float = 0.8
    jitter: float = 0.4
    saturation: float = 0.4
    hue: float = 0.05
    gray: float = 0.2
    blur: float = 0.0
    blur_second: float = 0.0
    blur_local: float = 0.0
    blur_sigma: float = 2.0
    solarize: float = 0.0
    head_width: int = 256
    head_outputs: int = 128
    temperature: float = 0.2
    momentum: float = 0.99
    teacher_temperature: float = 0.04
    teacher_temperature_start: float = 0.04
    teacher_warmup: int = 0
    freeze_last_layer: int = 1
    mask_ratio: float = 0.75
    decoder_depth: int = 2
    precision: str = "32-true"
    devices: int = 1
    seed: int = 0
    device: str = field(default="cpu", metadata={"identity": False})
    threads: int = field(default=1, metadata={"identity": False})
    checkpoint_every: int = field(default=1, metadata={"identity": False})
    rank_floor: float = field(default=2.0, metadata={"identity": False})
    rank_patience: int = field(default=5, metadata={"identity": False})

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: Naming the setting and what it may be.
        """
        check_types(self)
        choices = {"objective": tuple(GLOBAL_CROPS), "precision": PRECISIONS, "pool": ("", "token", "avg")}
        for name, valid in choices.items():
            if getattr(self, name) not in valid:
                raise UserError(f"{name}={getattr(self, name)!r} is none of {', '.join(map(repr, valid))}")
        for name in ("width", "size", "batch_size", "accumulate", "head_width", "head_outputs", "decoder_depth",
                     "devices", "threads", "checkpoint_every", "rank_patience", "local_size"):  # fmt: skip
            if getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)} must be at least 1")
        for name in ("patch", "decode_size", "epochs", "warmup", "local_crops", "seed", "teacher_warmup",
                     "learning_rate", "learning_rate_end", "weight_decay", "weight_decay_end", "clip"):  # fmt: skip
            if getattr(self, name) < 0:
                raise UserError(f"{name}={getattr(self, name)} must not be negative")
        for name in ("crop_smallest", "local_smallest", "local_largest", "flip", "rotation", "jitter_probability",
                     "jitter", "saturation", "hue", "gray", "blur", "blur_second", "blur_local", "solarize",
                     "momentum", "mask_ratio", "drop_path"):  # fmt: skip
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name}={getattr(self, name)} must be between 0 and 1")
        for name in ("temperature", "teacher_temperature", "teacher_temperature_start", "crop_smallest",
                     "local_smallest"):  # fmt: skip
            if not getattr(self, name) > 0:
                raise UserError(f"{name}={getattr(self, name):g} must be above 0")
        for name, largest in (("mask_ratio", 1), ("drop_path", 1)):
            if not getattr(self, name) < largest:
                raise UserError(f"{name}={getattr(self, name):g} must be below {largest}")
        if self.blur_sigma < BLUR_LEAST:
            raise UserError(f"blur_sigma={self.blur_sigma:g} must be at least {BLUR_LEAST:g} pixels")
        if self.local_smallest > self.local_largest:
            raise UserError(
                f"local_smallest={self.local_smallest:g} must not be above local_largest={self.local_largest:g}"
            )
        if self.objective == "mae" and self.mask_ratio == 0:
            raise UserError("mask_ratio=0 hides no patch; mae learns from hidden ones")
        if self.local_crops and self.objective != "dino":
            raise UserError(f"local_crops={self.local_crops}: only dino compares crops of two sizes")
        if self.pretrained and self.backbone == "small_resnet":
            raise UserError("there are no pretrained weights of small_resnet; choose a backbone of timm")

    @property
    def global_crops(self) -> int:
        """How many large crops of an image the objective compares."""
        return GLOBAL_CROPS[self.objective]

    def identity(self) -> str:
        """Return a digest of all that decides its output besides the images."""
        # The base class knows this module's source; the training is written in those beside it.
        sources = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
        start = ""
        if self.pretrained:
            from cleanbench.encoders.files import file_digest
            from cleanbench.encoders.pretrained import weight_file

            start = file_digest(weight_file(self.backbone))
        return digest_of([super().identity(), *sources, start])

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Train, or go on with what a killed run left in ``folder``, or load what is finished there.

        Raises:
            UserError: If training cannot start, its loss is not finite, or the embeddings collapse.
        """
        from cleanbench.encoders.ssl.training import train
        from cleanbench.encoders.ssl.weights import Embedder, digest

        history = train(self, images, folder)
        return Fitted(digest(folder), Embedder(self, folder), history)

    def accept(self, history: Mapping[str, Sequence[float]]) -> None:
        """Refuse embeddings that collapsed: all images grew alike.

        Raises:
            UserError: If the latest effective ranks of a training are below the floor.
        """
        ranks = history.get("effective_rank", ())
        patience = min(self.rank_patience, self.epochs)
        latest = ranks[-patience:] if patience else ()
        if len(latest) == patience > 0 and max(latest) < self.rank_floor:
            raise UserError(
                f"the embeddings of {self.objective} collapsed: their effective rank was below "
                f"rank_floor={self.rank_floor:g} for {patience} epochs, {latest[-1]:.2f} after epoch {len(ranks)}; "
                f"lower learning_rate={self.learning_rate:g}, raise batch_size={self.batch_size}, weaken the "
                f"augmentation, or choose another objective"
            )
