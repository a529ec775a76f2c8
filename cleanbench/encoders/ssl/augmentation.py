"""Random views of images, made for a whole batch at once on tensors.

A view depends on the seed, the epoch, the image's index and the number of the view alone: neither on the batch that
the image is in nor on any global random state. So a training resumes exactly, and one epoch can be looked at by itself.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from cleanbench.encoders.ssl.encoder import BLUR_LEAST

if TYPE_CHECKING:
    from cleanbench.encoders.ssl.encoder import SelfSupervised

# Means and deviations of ImageNet, which the pretrained networks of timm expect too.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as in Pillow's conversion to gray
RGB_TO_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
DRAWS = 16  # random numbers per view


def views(settings: "SelfSupervised", images: Tensor, indices: npt.NDArray[np.int64], epoch: int) -> list[Tensor]:
    """Return the random views of a batch, normalised: first the global crops, then the local ones.

    Args:
        settings: Which views, and how strong.
        images: uint8, shape ``(n, 3, H, W)``, on the device that is to do the work.
        indices: The images' positions in the set, shape ``(n,)``.
        epoch: Counted from 0.

    Returns:
        Tensors of shape ``(n, 3, side, side)``. The same image gets the same view in any batch, up to rounding (1e-5).
    """
    scaled = images.float() / 255
    made = []
    for view in range(settings.global_crops + settings.local_crops):
        draws = torch.from_numpy(uniforms(settings.seed, epoch, view, indices, DRAWS)).to(images.device)
        local = view >= settings.global_crops
        side = settings.local_size if local else settings.size
        smallest, largest = (
            (settings.local_smallest, settings.local_largest) if local else (settings.crop_smallest, 1.0)
        )
        made_view = warp(scaled, draws[:, :7], side, smallest, largest, settings.flip, settings.rotation)
        made_view = recolour(made_view, draws[:, 7:13], settings)
        probability = settings.blur_local if local else (settings.blur if view == 0 else settings.blur_second)
        made_view = blur(made_view, draws[:, 13:15], probability, settings.blur_sigma)
        if view == 1 and not local and settings.solarize:
            chosen = draws[:, 15].view(-1, 1, 1, 1) < settings.solarize
            made_view = torch.where(chosen & (made_view >= 0.5), 1 - made_view, made_view)
        made.append(normalised(made_view))
    return made


def normalised(images: Tensor) -> Tensor:
    """Return images in [0, 1] as the network takes them."""
    mean = images.new_tensor(MEAN).view(1, 3, 1, 1)
    deviation = images.new_tensor(DEVIATION).view(1, 3, 1, 1)
    return (images - mean) / deviation


def uniforms(seed: int, epoch: int, view: int, indices: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.float32]:
    """Return ``count`` random numbers in [0, 1) per image, shape ``(n, count)``; a row depends on its index alone.

    A counter-based generator: the counter of each number goes through the finaliser of SplitMix64 (Steele, Lea and
    Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
    """
    stream = np.asarray(np.random.SeedSequence([seed, epoch, view]).generate_state(1, np.uint64), dtype=np.uint64)
    numbers = np.arange(count, dtype=np.uint64)
    counters = np.asarray(indices.astype(np.uint64)[:, None] * np.uint64(count) + numbers, dtype=np.uint64)
    mixed: npt.NDArray[np.uint64] = counters * np.uint64(0x9E3779B97F4A7C15) + stream
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    # 24 bits fill a float32 exactly; more would round up to 1.
    shares: npt.NDArray[np.float32] = (mixed >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    return shares


def warp(
    images: Tensor, draws: Tensor, side: int, smallest: float, largest: float, flip: float, rotation: float
) -> Tensor:
    """Crop, turn, mirror and resize, in one bilinear resampling.

    The crop has a share of the image's area between ``smallest`` and ``largest`` and an aspect ratio between 3/4 and
    4/3; it is turned by up to half a turn with probability ``rotation``. What lies outside the image is black.
    """
    area = smallest + (largest - smallest) * draws[:, 0]
    ratio = torch.exp((2 * draws[:, 1] - 1) * math.log(4 / 3))
    width = torch.sqrt(area * ratio).clamp(max=1)
    height = torch.sqrt(area / ratio).clamp(max=1)
    centre_x = (2 * draws[:, 2] - 1) * (1 - width)
    centre_y = (2 * draws[:, 3] - 1) * (1 - height)
    mirror = torch.where(draws[:, 4] < flip, -1.0, 1.0)
    angle = torch.where(draws[:, 5] < rotation, math.pi * draws[:, 6], torch.zeros_like(area))
    cosine, sine = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack(
        [
            torch.stack([cosine * width * mirror, -sine * height, centre_x], dim=1),
            torch.stack([sine * width * mirror, cosine * height, centre_y], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(matrix, [len(images), 3, side, side], align_corners=False)
    # Half a pixel beyond the border belongs to the border pixel; only a turned crop reaches further out.
    padding = "zeros" if rotation else "border"
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def recolour(images: Tensor, draws: Tensor, settings: "SelfSupervised") -> Tensor:
    """Change brightness, contrast, saturation and hue, or drop the colour, by one affine map of RGB per image.

    Unlike torchvision's ColorJitter, the order is fixed, values are clipped once at the end, and the hue turns in the
    YIQ plane, which keeps luma.
    """
    spread = 2 * draws - 1
    chosen = draws[:, 4] < settings.jitter_probability
    one = torch.ones_like(spread[:, 0])
    brightness = torch.where(chosen, 1 + settings.jitter * spread[:, 0], one)
    contrast = torch.where(chosen, 1 + settings.jitter * spread[:, 1], one)
    saturation = torch.where(chosen, 1 + settings.saturation * spread[:, 2], one)
    angle = torch.where(chosen, 2 * math.pi * settings.hue * spread[:, 3], torch.zeros_like(one))
    saturation = torch.where(draws[:, 5] < settings.gray, torch.zeros_like(one), saturation)
    to_yiq = images.new_tensor(RGB_TO_YIQ)
    cosine, sine = torch.cos(angle) * saturation, torch.sin(angle) * saturation
    zero = torch.zeros_like(one)
    turn = torch.stack([one, zero, zero, zero, cosine, -sine, zero, sine, cosine], dim=1).view(-1, 3, 3)
    colour = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    luma = torch.einsum("nchw,c->n", images, images.new_tensor(LUMA)) / images[0, 0].numel()
    matrix = colour * (brightness * contrast).view(-1, 1, 1)
    shift = (brightness * (1 - contrast) * luma).view(-1, 1, 1)
    changed = torch.baddbmm(shift, matrix, images.flatten(2)).view_as(images)
    return changed.clamp_(0, 1)


def blur(images: Tensor, draws: Tensor, probability: float, largest: float) -> Tensor:
    """Blur images with the given probability by a Gaussian of .1 to ``largest`` pixels."""
    chosen = torch.nonzero(draws[:, 0] < probability).squeeze(1)
    if not len(chosen):
        return images
    side = images.shape[-1]
    radius = min(math.ceil(3 * largest), side - 1)
    sigma = BLUR_LEAST + (largest - BLUR_LEAST) * draws[chosen, 1]
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(3, dim=0)
    planes = images[chosen].reshape(1, -1, side, side)
    planes = functional.pad(planes, (radius, radius, radius, radius), mode="reflect")
    planes = functional.conv2d(planes, kernel[:, None, None, :], groups=planes.shape[1])
    planes = functional.conv2d(planes, kernel[:, None, :, None], groups=planes.shape[1])
    blurred = images.clone()
    blurred[chosen] = planes.view(-1, 3, side, side)
    return blurred
