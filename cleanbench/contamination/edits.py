"""What the protocol does to pixels: parameters are drawn first, so that they can be written down, then applied.

All lengths are those of the protocol at its own resolution, a shorter side of 512: an image is brought there, edited,
and brought to the size that it has in the set. Larger images are edited at their own resolution with lengths scaled.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

FRAME = 512
Parameters = dict[str, Any]
Size = tuple[int, int]
BICUBIC = Image.Resampling.BICUBIC

CROP = 224  # what the protocol crops to; its padding and its later blur are in pixels of that
TEXT, TEXT_WIDTH = "CONFIDENTIAL", 0.8
MOSAIC, SPACING = 128, 10
LONGEST = 8  # times the shorter side: a line of pixels, enlarged to a shorter side of 512, would fill the memory


def draw_blur(rng: np.random.Generator) -> Parameters:
    """Draw: two bits per channel (p .5), inversion of what is bright (p .5), a radius of 10 to 100 pixels."""
    posterised, solarised = (rng.random(2) < 0.5).tolist()
    return {"posterised": posterised, "solarised": solarised, "radius": float(rng.uniform(10, 100))}


def blur(image: Image.Image, how: Mapping[str, Any], size: Size, _: Image.Image | None) -> Image.Image:
    """Reduce colours, invert what is bright, and blur strongly."""
    frame, unit = _framed(image, size)
    if how["posterised"]:
        frame = ImageOps.posterize(frame, 2)
    if how["solarised"]:
        frame = ImageOps.solarize(frame, 192)
    return _to(frame.filter(ImageFilter.GaussianBlur(how["radius"] * unit)), size)


def draw_augmentation(rng: np.random.Generator) -> Parameters:
    """Draw: rotation (p .5), a crop, padding (p .5), slight blur (p .5), mirroring either way (p .5 each)."""
    rotated, padded, blurred, mirrored, flipped = (rng.random(5) < 0.5).tolist()
    degrees, sigma, area = (float(rng.uniform(*bounds)) for bounds in ((0, 180), (0.1, 2), (0.5, 0.9)))
    across, down = rng.random(2).tolist()
    return {
        "rotation": degrees if rotated else None,
        "area": area,
        "aspect": float(np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))),
        "place": [across, down],
        "padded": padded,
        "blur": sigma if blurred else None,
        "mirrored": mirrored,
        "flipped": flipped,
    }


def augment(image: Image.Image, how: Mapping[str, Any], size: Size, _: Image.Image | None) -> Image.Image:
    """Rotate, crop, pad, blur and mirror an image; what rotation and padding uncover is black."""
    frame, unit = _framed(image, size)
    if how["rotation"] is not None:
        frame = frame.rotate(how["rotation"], BICUBIC)
    # As torchvision's RandomResizedCrop, for an output that need not be square.
    aspect = how["aspect"] * size[0] / size[1]
    area = how["area"] * frame.width * frame.height
    width, height = min(np.sqrt(area * aspect), frame.width), min(np.sqrt(area / aspect), frame.height)
    left, upper = how["place"][0] * (frame.width - width), how["place"][1] * (frame.height - height)
    output = _frame(size, round(FRAME * unit))
    frame = frame.resize(output, BICUBIC, box=(left, upper, left + width, upper + height))
    unit *= FRAME / CROP
    if how["padded"]:
        frame = ImageOps.expand(frame, round(3 * unit))
    if how["blur"] is not None:
        frame = frame.filter(ImageFilter.GaussianBlur(how["blur"] * unit))
    if how["mirrored"]:
        frame = ImageOps.mirror(frame)
    if how["flipped"]:
        frame = ImageOps.flip(frame)
    return _to(frame, size)


def draw_artefacts(rng: np.random.Generator) -> Parameters:
    """Draw: watermark, colour bar and mosaic (p .5 each), and where emblem and text of the watermark lie."""
    watermark, bar, mosaic = (rng.random(3) < 0.5).tolist()
    return {"watermark": rng.random(4).tolist() if watermark else None, "bar": bar, "mosaic": mosaic}


def add_artefacts(image: Image.Image, how: Mapping[str, Any], size: Size, other: Image.Image | None) -> Image.Image:
    """Add a watermark over an image, a colour bar beside it, and a second image below and beside it."""
    frame, unit = _framed(image, size)
    if how["watermark"] is not None:
        _watermark(frame, how["watermark"], unit)
    if how["bar"]:
        frame = _beside(frame, _colour_bar(frame.height), 0)
    if how["mosaic"] and other is not None:
        side = round(MOSAIC * unit)
        tile, gap = other.resize((side, side), BICUBIC), round(SPACING * unit)
        frame = _beside(_beside(frame, tile, gap, below=True), tile, gap)
    return _to(frame, size)


Edit = Callable[[Image.Image, Mapping[str, Any], Size, Image.Image | None], Image.Image]

EDITS: Mapping[str, Edit] = MappingProxyType({"blur": blur, "augmentation": augment, "artefacts": add_artefacts})


def reduced(image: Image.Image, side: int | None) -> Image.Image:
    """Return an image whose shorter side is at most ``side``."""
    if side is None or min(image.size) <= side:
        return image
    return image.resize(_shorter(image.size, side), BICUBIC)


def covering(image: Image.Image, size: Size) -> Image.Image:
    """Return the middle of an image, as large as it can be, in another size; proportions stay."""
    return ImageOps.fit(image, size, BICUBIC)


def _framed(image: Image.Image, size: Size) -> tuple[Image.Image, float]:
    """Return an image large enough for the protocol and for ``size``, and the pixels per pixel of the protocol."""
    side = max(FRAME, *(min(each) for each in (image.size, size)))
    wanted = _frame(image.size, side)
    return image.copy() if image.size == wanted else image.resize(wanted, BICUBIC), side / FRAME


def _frame(size: Size, side: int) -> Size:
    """Return a size of the same proportions whose shorter side is ``side``, and whose longer one is not endless."""
    width, height = _shorter(size, side)
    return min(width, LONGEST * side), min(height, LONGEST * side)


def _shorter(size: Size, side: int) -> Size:
    factor = side / min(size)
    return max(side, round(size[0] * factor)), max(side, round(size[1] * factor))


def _to(image: Image.Image, size: Size) -> Image.Image:
    return image if image.size == size else image.resize(size, BICUBIC)


def _beside(image: Image.Image, other: Image.Image, gap: int, *, below: bool = False) -> Image.Image:
    """Return one image with another to its right or below it, on black."""
    if below:
        joined = Image.new("RGB", (image.width, image.height + gap + other.height))
        joined.paste(other, (0, image.height + gap))
    else:
        joined = Image.new("RGB", (image.width + gap + other.width, image.height))
        joined.paste(other, (image.width + gap, 0))
    joined.paste(image, (0, 0))
    return joined


def _watermark(frame: Image.Image, places: list[float], unit: float) -> None:
    """Draw a white emblem and a white text; where, as shares of the room that there is."""
    emblem = _emblem(round(120 * unit))
    room = (frame.width - emblem.width, frame.height - emblem.height)
    frame.paste("white", (round(places[0] * room[0]), round(places[1] * room[1])), emblem)
    draw = ImageDraw.Draw(frame)
    at_100 = draw.textbbox((0, 0), TEXT, font=ImageFont.load_default(100))
    font = ImageFont.load_default(100 * TEXT_WIDTH * frame.width / (at_100[2] - at_100[0]))
    left, upper, right, lower = draw.textbbox((0, 0), TEXT, font=font)
    across, down = places[2] * (frame.width - (right - left)), places[3] * max(0, frame.height - (lower - upper))
    draw.text((across - left, down - upper), TEXT, fill="white", font=font)


def _emblem(side: int) -> Image.Image:
    """Return the mask of an emblem of nobody: a ring with a lozenge in it."""
    emblem = Image.new("L", (side, side))
    draw = ImageDraw.Draw(emblem)
    draw.ellipse((0, 0, side - 1, side - 1), outline=255, width=max(1, side // 12))
    near, far, middle = side * 0.25, side * 0.75, side * 0.5
    draw.polygon(((middle, near), (far, middle), (middle, far), (near, middle)), fill=255)
    return emblem


def _colour_bar(height: int) -> Image.Image:
    """Return a bar of hues from red at the top to violet at the bottom."""
    size = (max(1, height // 10), height)
    hue = Image.linear_gradient("L").resize(size).point(lambda value: value * 200 // 255)
    full = ImageChops.constant(hue, 255)
    return Image.merge("HSV", (hue, full, full)).convert("RGB")
