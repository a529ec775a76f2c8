"""Networks of timm by name, with their published weights and their own preprocessing."""

import difflib
import importlib.metadata
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleanbench.core import UserError, digest_of
from cleanbench.encoders.base import Encoder, Fitted
from cleanbench.encoders.files import file_digest
from cleanbench.encoders.hub import hub_file
from cleanbench.encoders.inference import encode_with, preprocessing
from cleanbench.encoders.weights import state_digest
from cleanbench.images import Images
from cleanbench.settings import check_types
from cleanbench.view import source_digest

if TYPE_CHECKING:
    import torch

WEIGHTS = ("pretrained", "random")

# Tensors first: a safetensors file cannot hold code.
FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class Pretrained(Encoder):
    """Embeds an image with a network of timm (https://github.com/huggingface/pytorch-image-models).

    Images are prepared as the network was trained; for most networks the border beyond the centre crop is
    not seen. Weights come from the Hugging Face cache, or are fetched into it.

    Attributes:
        model: Any name of timm, with or without the tag that names the weights, as in ``resnet50.a1_in1k``.
        image_size: Side of the network's input in pixels; None keeps that of its training. Position embeddings
            of vision transformers are interpolated.
        pool: How the last feature map becomes a vector: ``avg``, ``max``, ``token``, …; None keeps the network's own.
        head: Whether to keep the last layer: class logits, or for CLIP the projection into the space that images
            share with texts.
        weights: ``pretrained``, or ``random`` for an untrained network.
        seed: Of random weights.
        device: A torch device.
        threads: Of torch.
    """

    model: str
    image_size: int | None = None
    pool: str | None = None
    head: bool = False
    weights: str = "pretrained"
    seed: int = 0
    device: str = field(default="cpu", metadata={"identity": False})
    threads: int = field(default=1, metadata={"identity": False})

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If a setting is not of its type, or ``weights`` is unknown.
        """
        check_types(self)
        if self.threads < 1:
            raise UserError(f"encoder.threads={self.threads} must be at least 1")
        if self.weights not in WEIGHTS:
            raise UserError(
                f"encoder.weights={self.weights!r} is unknown; choose one of {', '.join(WEIGHTS)}; "
                "a file of weights is read by encoder=checkpoint"
            )

    def identity(self) -> str:
        """Return a digest of settings, code and the weight file, which is fetched if it is not in the cache.

        timm defines networks and their preprocessing, so its version counts.
        """
        file = self._file()
        weights = "" if file is None else file_digest(file)
        return digest_of([super().identity(), *code_digests(), weights])

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Build the network and load its weights."""
        network = build(self.model, self.image_size, self.pool, head=self.head, file=self._file(), seed=self.seed)
        config = preprocessing({"image_size": self.image_size}, network.pretrained_cfg)
        return Fitted(state_digest(network), encode_with(network, config, self.device, self.threads))

    def _file(self) -> Path | None:
        """Return the file of published weights, or None if random ones are asked for."""
        check_name(self.model)
        return None if self.weights == "random" else weight_file(self.model)


def weight_file(model: str) -> Path:
    """Return the file of the weights that timm publishes for a network, from the cache or the network.

    Raises:
        UserError: If there are none, or they cannot be had, within seconds.
    """
    known = published(model)
    cure = (
        "or download the file from that repository's page and use encoder=checkpoint "
        f"encoder.model={model} encoder.path=FILE"
    )
    named = known.hf_hub_filename
    names = (str(Path(named).with_suffix(".safetensors")), named) if named else FILES
    return hub_file(known.hf_hub_id, tuple(dict.fromkeys(names)), cure)


def published(model: str) -> Any:
    """Return what timm knows of the published weights of a network; they are in a Hugging Face repository.

    Raises:
        UserError: If there are none.
    """
    import timm

    known = timm.get_pretrained_cfg(model)
    if known is None or not known.has_weights:
        tagged = timm.list_models(f"{model}*", pretrained=True)
        raise UserError(
            f"timm has no weights for {model}"
            + (f"; it has them for {', '.join(tagged[:8])}" if tagged else "")
            + "; encoder.weights=random takes it untrained, encoder=checkpoint reads a file"
        )
    if not known.hf_hub_id:
        raise UserError(
            f"the weights of {model} are on no Hugging Face repository; fetch {known.url} and use "
            f"encoder=checkpoint encoder.model={model} encoder.path=FILE"
        )
    return known


def code_digests() -> tuple[str, ...]:
    """Return what names the code that builds networks of timm and feeds them."""
    ours = (source_digest(part) for part in (build, encode_with, state_digest))
    return (*ours, importlib.metadata.version("timm"))


def check_name(model: str) -> None:
    """Check that timm has a network of that name, and weights of that tag.

    Raises:
        UserError: With the nearest names.
    """
    import timm

    architecture, _, tag = model.partition(".")
    if not timm.is_model(architecture):
        names = timm.list_models()
        near = [name for name in names if name.startswith(architecture)] or difflib.get_close_matches(
            architecture, names, cutoff=0.5
        )
        hint = f"did you mean {' or '.join(near[:3])}? " if near else ""
        raise UserError(f"timm has no model {model!r}; {hint}timm.list_models() lists all")
    if tag and model not in (tagged := timm.list_models(f"{architecture}.*", include_tags=True)):
        raise UserError(f"timm has no weights {tag!r} of {architecture}; it has {', '.join(tagged) or 'none'}")


def build(
    model: str,
    image_size: int | None = None,
    pool: str | None = None,
    *,
    head: bool = False,
    file: Path | None = None,
    state: dict[str, Any] | None = None,
    seed: int = 0,
) -> Any:
    """Return a network of timm with the weights of a file or of a state dict, or else random ones.

    Args:
        model: Its name.
        image_size: Side of the input, or None.
        pool: As for `Pretrained`.
        head: As for `Pretrained`.
        file: Weights as timm publishes them.
        state: Weights by name.
        seed: Of random weights.

    Raises:
        UserError: If the network cannot be built so, or the weights are not its own.
    """
    import timm
    import torch

    # Hydra shows what libraries log; timm reports every file that it opens.
    logging.getLogger("timm").setLevel(logging.WARNING)
    known = timm.get_pretrained_cfg(model)
    arguments: dict[str, Any] = {} if head else {"num_classes": 0}
    # A network whose input size is fixed takes it as an argument; the others take images of any size.
    if image_size is not None and known is not None and known.fixed_input_size:
        arguments["img_size"] = image_size
    if file is not None or state is not None:
        # What is given goes before timm's own places; custom loaders are for formats of other frameworks.
        # With as many classes as the network has, none, timm insists on every name of a state dict.
        given = {"state_dict": state, "num_classes": 0} if file is None else {"file": str(file)}
        arguments |= {"pretrained": True, "pretrained_cfg_overlay": {**given, "custom_load": False}}
    try:
        # Even where weights are loaded they are drawn first: the caller's random numbers stay as they were.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network: Any = timm.create_model(model, **arguments)
    # timm raises what it likes about sizes, and about files.
    except Exception as error:
        reason = str(error).strip() or type(error).__name__
        source = "" if file is None else f" from {file}"
        raise UserError(f"{model} cannot be built with image_size={image_size}{source}: {reason}") from error
    network.pretrained_cfg.pop("state_dict", None)
    if pool is not None:
        _set_pool(network, model, pool, head)
    return network


def _set_pool(network: "torch.nn.Module", model: str, pool: str, head: bool) -> None:
    if head:
        raise UserError("encoder.pool and encoder.head=true exclude each other: the head fits the network's own pool")
    try:
        network.reset_classifier(0, pool)  # type: ignore[operator] # timm's networks have it, torch's type does not
    except Exception as error:
        raise UserError(f"{model} has no pool={pool!r}: {error or type(error).__name__}") from error
