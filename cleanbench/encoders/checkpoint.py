"""Networks in local files: state dicts for a network of timm, and TorchScript archives."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cleanbench.core import UserError, digest_of
from cleanbench.encoders.base import Encoder, Fitted
from cleanbench.encoders.files import existing, file_digest
from cleanbench.encoders.inference import changes_of, check_network_settings, encode_with, preprocessing
from cleanbench.encoders.pretrained import build, check_name, code_digests
from cleanbench.encoders.weights import backbone_state, mismatch, read_state, state_digest
from cleanbench.images import Images


@dataclass(frozen=True)
class Checkpoint(Encoder):
    """Embeds an image with a network whose weights lie in a local file.

    - With ``model``: a state dict in ``.pth``, ``.pt`` or ``.safetensors`` for that network of timm. It may lie
      under a key of a training checkpoint, and its names may carry the prefixes of wrappers and of the
      backbone's place in a larger model; `cleanbench.encoders.weights` lists what is stripped.
    - Without: a TorchScript archive, which brings its own network.

    A file that holds pickled code is refused. Where a file is does not matter, only what is in it.

    Attributes:
        path: The file.
        model: A name of timm, or None for TorchScript.
        entry: Key of the state dict within the file; None takes a teacher before a student.
        pool: As for ``encoder=timm``.
        image_size: Side of the network's input in pixels.
        mean: Of red, green and blue, in [0, 1], subtracted.
        std: Of red, green and blue, a divisor.
        interpolation: ``bilinear``, ``bicubic`` or another one of timm.
        crop_pct: Share of the resized image that the centre crop keeps.
        crop_mode: ``center`` (crop), ``squash`` (distort) or ``border`` (pad).
        device: A torch device.
        threads: Of torch.

    Where ``image_size`` to ``crop_mode`` are None, timm's values for ``model`` hold, and ImageNet's (224 pixels
    of an image resized to 256, bicubic) for TorchScript.
    """

    path: str = field(metadata={"identity": False})
    model: str | None = None
    entry: str | None = None
    pool: str | None = None
    image_size: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    interpolation: str | None = None
    crop_pct: float | None = None
    crop_mode: str | None = None
    device: str = field(default="cpu", metadata={"identity": False})
    threads: int = field(default=1, metadata={"identity": False})

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If a setting is not of its type or makes no sense.
        """
        check_network_settings(self)

    def identity(self) -> str:
        """Return a digest of settings, code and the file's bytes."""
        return digest_of([super().identity(), *code_digests(), file_digest(existing(self.path))])

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Load the network."""
        file = existing(self.path)
        network = _script(file) if self.model is None else _filled(file, self.model, self)
        config = preprocessing(changes_of(self), None if self.model is None else network.pretrained_cfg)
        return Fitted(state_digest(network), encode_with(network, config, self.device, self.threads))


def _script(file: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            # PyTorch discourages the format; published networks still come in it.
            warnings.simplefilter("ignore")
            return torch.jit.load(str(file), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"{file} is no TorchScript archive; if it holds a state dict, say of which network of timm: "
            "encoder.model=vit_tiny_patch16_224"
        ) from error


def _filled(file: Path, model: str, settings: Checkpoint) -> Any:
    check_name(model)
    network = build(model, settings.image_size, settings.pool)
    state = backbone_state(read_state(file, settings.entry), network.state_dict().keys())
    problem = mismatch(state, network)
    if not problem:
        network.load_state_dict(state)
        return network
    try:
        # timm knows other layouts of the same network, and fits position embeddings to another image size.
        return build(model, settings.image_size, settings.pool, state=state)
    except UserError as error:
        raise UserError(
            f"the weights in {file} are not those of {model}: {problem}. Name the network they were trained in with "
            "encoder.model, its input with encoder.image_size, and their key with encoder.entry"
        ) from error
