"""Edits that turn an image into a near-duplicate of itself; they take RGB arrays of any square size."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from cleanbench.core import Floats

Pixels = npt.NDArray[np.uint8]
Edit = Callable[[Pixels, np.random.Generator], Pixels]


def flip(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirror left to right, sometimes top to bottom, or turn by 180 degrees."""
    axes = ((1,), (1,), (0,), (0, 1))[rng.integers(4)]
    return np.ascontiguousarray(np.flip(pixels, axes))


def rotate(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Turn by 3 to 12 degrees either way and keep the largest upright square without empty corners."""
    degrees = float(rng.uniform(3, 12))
    side = pixels.shape[0]
    turned = Image.fromarray(pixels).rotate(degrees if rng.random() < 0.5 else -degrees, Image.Resampling.BICUBIC)
    radians = np.deg2rad(degrees)
    margin = side / 2 * (1 - 1 / (np.cos(radians) + np.sin(radians)))
    return _zoom(turned, (margin, margin, side - margin, side - margin))


def crop(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Keep a square of .7 to .95 of the side, anywhere, enlarged to the old size."""
    return _window(pixels, rng, 0.7, 0.95)


def trim(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Crop a little, .9 to .98 of the side: enough that nothing stays on its pixel."""
    return _window(pixels, rng, 0.9, 0.98)


def tone(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Change white balance, contrast, exposure and gamma strongly; one in four becomes gray."""
    changed = adjust(pixels, Tone.draw(rng, 2.0))
    return grayed(changed) if rng.random() < 0.25 else changed


def reencode(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Shrink to .35 to .7 of the side and back, as a preview does, and compress."""
    side = pixels.shape[0]
    small = max(8, round(side * float(rng.uniform(0.35, 0.7))))
    shrunk = Image.fromarray(pixels).resize((small, small), Image.Resampling.BILINEAR)
    return jpeg(np.asarray(shrunk.resize((side, side), Image.Resampling.BICUBIC)), int(rng.integers(30, 70)))


def grain(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Add the noise of a dim room, with a standard deviation of 12 to 30 levels."""
    return eight_bit(pixels + rng.normal(0, float(rng.uniform(12, 30)), pixels.shape))


def mark(pixels: Pixels, name: str) -> Pixels:
    """Put one of `MARKS` on an image; all images with the same mark carry the same pixels there."""
    image = Image.fromarray(pixels)
    MARKS[name](ImageDraw.Draw(image), pixels.shape[0])
    return np.asarray(image)


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Compress and decode."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


EDITS: Mapping[str, Edit] = MappingProxyType(
    {"flip": flip, "rotate": rotate, "crop": crop, "tone": tone, "reencode": reencode, "grain": grain}
)


@dataclass(frozen=True, eq=False)
class Tone:
    """A change of tone; all values are logarithms, so that 0 changes nothing and tones add up.

    Attributes:
        balance: White balance, per channel, shape ``(3,)``.
        contrast: About the mean.
        exposure: Of all channels.
        gamma: Exponent of the values in [0, 1].
    """

    balance: Floats
    contrast: float
    exposure: float
    gamma: float

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> "Tone":
        """Draw one; at strength 1 the standard deviations are .05 for balance and .12 for the others."""
        contrast, exposure, gamma = rng.normal(0, 0.12 * strength, 3).tolist()
        return cls(rng.normal(0, 0.05 * strength, 3), contrast, exposure, gamma)

    def __add__(self, other: "Tone") -> "Tone":
        """Return both at once."""
        return Tone(
            self.balance + other.balance,
            self.contrast + other.contrast,
            self.exposure + other.exposure,
            self.gamma + other.gamma,
        )


def adjust(pixels: Pixels, change: Tone) -> Pixels:
    """Apply a tone: gamma, then contrast about the mean, then exposure and white balance."""
    values = (pixels / 255.0) ** np.exp(change.gamma)
    mean = values.mean()
    values = mean + (values - mean) * np.exp(change.contrast)
    values = values * np.exp(change.exposure + change.balance)
    return eight_bit(values * 255)


def eight_bit(values: Floats) -> Pixels:
    """Round and limit to whole levels."""
    limited: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return limited


def grayed(pixels: Pixels) -> Pixels:
    """Drop the colours."""
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


def _window(pixels: Pixels, rng: np.random.Generator, least: float, most: float) -> Pixels:
    side = pixels.shape[0]
    inner = side * float(rng.uniform(least, most))
    left, top = rng.uniform(0, side - inner, 2).tolist()
    return _zoom(Image.fromarray(pixels), (left, top, left + inner, top + inner))


def _zoom(image: Image.Image, box: tuple[float, float, float, float]) -> Pixels:
    return np.asarray(image.resize(image.size, Image.Resampling.BICUBIC, box=box))


def _frame(draw: ImageDraw.ImageDraw, side: int, colour: str, width: int) -> None:
    draw.rectangle((0, 0, side - 1, side - 1), outline=colour, width=max(1, side * width // 64))


def _bar(draw: ImageDraw.ImageDraw, side: int) -> None:
    """Draw a calibration bar of colours down the right edge."""
    colours = ("#c82828", "#28a03c", "#2846c8", "#f0c828")
    step = side // len(colours)
    for position, colour in enumerate(colours):
        draw.rectangle((side * 7 // 8, position * step, side - 1, (position + 1) * step - 1), fill=colour)


def _plate(draw: ImageDraw.ImageDraw, side: int) -> None:
    """Draw a white plate with a bar code in the lower left corner."""
    unit = side / 64
    draw.rectangle((0, round(50 * unit), round(34 * unit), side - 1), fill="#c8c8c8")
    for position in (3, 5, 9, 12, 14, 19, 21, 25, 29, 31):
        left = round(position * unit)
        draw.rectangle((left, round(53 * unit), left + max(0, round(unit) - 1), side - 4), fill="black")


def _ruler(draw: ImageDraw.ImageDraw, side: int) -> None:
    """Draw a black scale with white ticks along the upper edge."""
    unit = side / 64
    draw.rectangle((0, 0, side - 1, round(9 * unit)), fill="black")
    for tick in range(1, 16):
        left = round(4 * tick * unit)
        length = 7 if tick % 4 == 0 else 4
        draw.rectangle((left, 0, left + max(0, round(unit) - 1), round(length * unit)), fill="#c8c8c8")


MARKS: Mapping[str, Callable[[ImageDraw.ImageDraw, int], None]] = MappingProxyType(
    {
        "light frame": lambda draw, side: _frame(draw, side, "#b4b4b4", 4),
        "dark frame": lambda draw, side: _frame(draw, side, "#505050", 4),
        "colour bar": _bar,
        "plate": _plate,
        "ruler": _ruler,
    }
)
