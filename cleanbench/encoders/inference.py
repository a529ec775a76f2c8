"""Images through a network: preprocessing, batches, device, threads."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cleanbench.core import Floats, UserError
from cleanbench.settings import check_types

if TYPE_CHECKING:
    import torch

# How the sides of an image become those of the network's input: cut to the centre, distorted, or padded.
CROPS = ("center", "squash", "border")
# The settings that say how an image is prepared.
PREPARED = ("image_size", "mean", "std", "interpolation", "crop_pct", "crop_mode")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")


def preprocessing(changes: Mapping[str, Any], pretrained: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return how images are prepared, in timm's terms.

    Args:
        changes: ``image_size``, ``mean``, ``std``, ``interpolation``, ``crop_pct``, ``crop_mode``; None keeps what
            the network was trained with.
        pretrained: What timm knows about the network's training; without it ImageNet's mean and deviation, 224
            pixels, bicubic, and the centre of an image resized to 256 pixels.

    Raises:
        UserError: If a value makes no sense.
    """
    from timm.data import resolve_data_config

    check_preparation(changes)
    given = {name: value for name, value in changes.items() if value is not None and name != "image_size"}
    if (size := changes.get("image_size")) is not None:
        given["img_size"] = size
    config: dict[str, Any] = resolve_data_config({"in_chans": 3, **given}, pretrained_cfg=dict(pretrained or {}))
    return config


def check_preparation(changes: Mapping[str, Any]) -> None:
    """Check what `preprocessing` takes.

    Raises:
        UserError: If a value makes no sense.
    """
    size = changes.get("image_size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        raise UserError(f"encoder.image_size={size!r} must be a positive number of pixels, or null")
    for name, valid in (("crop_mode", CROPS), ("interpolation", INTERPOLATIONS)):
        value = changes.get(name)
        if value is not None and value not in valid:
            raise UserError(f"encoder.{name}={value!r} is unknown; choose one of {', '.join(valid)}, or null")
    for name in ("mean", "std"):
        values = changes.get(name)
        if values is not None and not _three_numbers(values, above=0.0 if name == "std" else -math.inf):
            positive = "positive " if name == "std" else ""
            raise UserError(
                f"encoder.{name}={values!r} must be three {positive}numbers, of red, green and blue, or null"
            )
    crop = changes.get("crop_pct")
    # Images are resized to the input's side divided by it.
    if crop is not None and not (isinstance(crop, (int, float)) and 0.1 <= crop <= 1):
        raise UserError(f"encoder.crop_pct={crop!r} must be a share from 0.1 to 1, or null")


def check_network_settings(encoder: Any) -> None:
    """Check the settings of an encoder that runs images through a network, before anything is loaded.

    Raises:
        UserError: If a setting is not of its type or makes no sense.
    """
    check_types(encoder)
    if encoder.threads < 1:
        raise UserError(f"encoder.threads={encoder.threads} must be at least 1")
    check_preparation(changes_of(encoder))


def changes_of(encoder: Any) -> dict[str, Any]:
    """Return the settings of an encoder that `preprocessing` takes."""
    return {name: getattr(encoder, name) for name in PREPARED}


def encode_with(
    network: "torch.nn.Module", config: Mapping[str, Any], device: str, threads: int
) -> Callable[[Sequence[Image.Image]], Floats]:
    """Return what maps a batch of images to a network's outputs.

    The network is put into evaluation mode on ``device``. Rows agree between batch sizes within a relative
    tolerance of 1e-4: matrix products are summed in another order.

    Args:
        network: Maps float32 of shape ``(n, 3, H, W)`` to ``(n, D)``.
        config: From `preprocessing`.
        device: A torch device.
        threads: Of torch, while it encodes.

    Raises:
        UserError: If there is no such device; later, if the network does not take the images, or returns no vectors.
    """
    import torch
    from timm.data import create_transform

    transform = create_transform(**config, is_training=False)
    place = usable(device)
    network.eval().to(place)

    def encode(batch: Sequence[Image.Image]) -> Floats:
        pixels = torch.stack([transform(image) for image in batch])
        try:
            with torch_threads(threads), torch.inference_mode():
                output = network(pixels.to(place))
        except torch.OutOfMemoryError:
            raise
        # A stranger's network that takes images of one size only says so in words of its own.
        except RuntimeError as error:
            height, width = pixels.shape[-2:]
            raise UserError(
                f"the network fails on images of {width}x{height} pixels ({str(error).strip().splitlines()[-1]}); "
                "choose another encoder.image_size"
            ) from error
        if not isinstance(output, torch.Tensor) or output.ndim != 2:
            what = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            raise UserError(f"the network returns {what}, expected one vector per image; choose another encoder.pool")
        rows: Floats = output.float().cpu().numpy().astype(np.float32, copy=False)
        return rows

    return encode


def usable(name: str) -> "torch.device":
    """Return a torch device.

    Raises:
        UserError: If it is unknown or not there.
    """
    import torch

    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    # What a missing device raises differs between back ends.
    except Exception as error:
        raise UserError(f"device={name} cannot be used here: {str(error).splitlines()[0]}; use device=cpu") from error
    return device


def _three_numbers(values: Any, above: float) -> bool:
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != 3:
        return False
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and above < value < math.inf for value in values
    )


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch use that many threads within the context."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
