"""Committed drawings against those that records give.

A drawing must consist of the same parts, which are all harmless, with the same texts and colours, in the same places
but for rounding, which differs between processors. One by another version of matplotlib than the one that is installed
may place things a little differently.
"""

import base64
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
CREATOR = f".//{DUBLIN_CORE}creator//{DUBLIN_CORE}title"
METADATA = ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://creativecommons.org/ns#", DUBLIN_CORE[1:-1])

ELEMENTS = {
    f"{SVG}{name}"
    for name in (
        "svg", "title", "metadata", "defs", "style", "g", "path", "text", "clipPath", "rect", "use", "pattern", "image",
    )
}  # fmt: skip
ATTRIBUTES = {
    "id", "width", "height", "viewBox", "version", "type", "x", "y", "d", "transform", "style", "fill", "clip-path",
    "patternUnits", LINK,
}  # fmt: skip
PROPERTIES = {
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-dasharray",
    "stroke-dashoffset", "stroke-opacity", "stroke-miterlimit", "font", "font-size", "font-family", "font-weight",
    "font-style", "font-stretch", "font-variant", "text-anchor", "text-align",
}  # fmt: skip
PLACED = ("viewBox", "width", "height", "x", "y", "d", "transform")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
PICTURE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]*)")
# How far another version may move things, in points: less than a row of a table; and another processor.
NEAR, ROUNDED = 10.0, 0.05
# How far it may change the colours of a picture, of 255.
SHADE = 3
AROUND = 30


def differences(path: Path, drawn: str) -> Iterator[str]:
    """Compare a file with a drawing; name the first difference of each kind."""
    expected = ElementTree.fromstring(drawn)
    try:
        if not path.is_file():
            raise OSError("no such file" if not path.exists() else "no plain file")
        text = path.read_bytes().decode()  # not as text, which would take other ends of lines for the same
        # Before it is parsed: a document type may define what blows up memory.
        if _prolog(text) != _prolog(drawn) or re.search(r"<[?!](?!--)", text[len(_prolog(text)) :]):
            raise ElementTree.ParseError("it does not begin as matplotlib's files do, or holds instructions")
        found = ElementTree.fromstring(text)
    except (OSError, UnicodeDecodeError, ElementTree.ParseError) as error:
        yield f"{path}: no readable SVG file ({error})"
        return
    data = f".//{DUBLIN_CORE}description"
    if (own := found.findtext(data) or "") != (given := expected.findtext(data) or ""):
        yield f"{path}: its data are {', its records give '.join(_around(own, given))}"
    elif (texts := _texts(found)) != (others := _texts(expected)):
        wrong = [f"{one!r} for {two!r}" for one, two in zip(texts, others, strict=False) if one != two]
        shown = wrong[0] if wrong else f"{len(texts)} texts, not {len(others)}"
        yield f"{path}: it does not show what its records give: {shown}"
    elif _unpacked(text) != _unpacked(drawn):
        same = found.findtext(CREATOR) == expected.findtext(CREATOR)
        near = ROUNDED if same else NEAR
        told = "" if same else "; it was drawn by another version of matplotlib, so merge again to draw it anew"
        for odd in [*_strange(found), *_elsewhere(list(found.iter()), list(expected.iter()), near)][:1]:
            yield f"{path}: {odd}{told}"


def _strange(drawing: ElementTree.Element) -> Iterator[str]:
    """Say what no drawing of ours has: what runs, loads, hides, or stands for something else."""
    for element in drawing.iter():
        name = _name(element)
        if element.tag.startswith(tuple(f"{{{each}}}" for each in METADATA)):
            continue
        if element.tag not in ELEMENTS:
            yield f"it has an element {name}, which no drawing of a board has"
        if element.tag == f"{SVG}style" and "".join((element.text or "").split()) != (
            "*{stroke-linejoin:round;stroke-linecap:butt}"
        ):
            yield "it has a style of its own"
        for attribute, value in element.attrib.items():
            if attribute not in ATTRIBUTES or re.search(r"url\((?!#)", value):
                yield f"it has {name} with {attribute.rpartition('}')[2]}={value[:AROUND]!r}"
            if attribute == LINK and not (value.startswith("#") or PICTURE.fullmatch(value)):
                yield f"it refers to {value[:AROUND]!r}"
            if attribute == "style" and not {each.partition(":")[0].strip() for each in value.split(";")} <= PROPERTIES:
                yield f"it has {name} with style={value[:AROUND]!r}"


def _elsewhere(
    found: Sequence[ElementTree.Element], expected: Sequence[ElementTree.Element], near: float
) -> Iterator[str]:
    """Say where parts differ in kind, colour or picture, or are not near the same place."""
    mine, theirs = ([each for each in every if _is_seen(each)] for every in (found, expected))
    if [each.tag for each in mine] != [each.tag for each in theirs]:
        yield f"it has {len(mine)} parts, not the {len(theirs)} that its records give"
        return
    for one, two in zip(mine, theirs, strict=True):
        if _colours(one) != _colours(two):
            yield f"it has {_name(one)} in {', '.join(_colours(one)) or 'no colour'}, not {', '.join(_colours(two))}"
        ours, others = _numbers(one), _numbers(two)
        if len(ours) != len(others) or any(abs(a - b) > near for a, b in zip(ours, others, strict=True)):
            yield f"it has {_name(one)} in another place or form"
        if one.tag == f"{SVG}image" and not _alike(one.get(LINK, ""), two.get(LINK, "")):
            yield "it has a picture with other colours"


def _is_seen(element: ElementTree.Element) -> bool:
    return (
        element.tag in ELEMENTS
        and element.tag not in {f"{SVG}{name}" for name in ("title", "metadata", "defs", "style")}
        and (element.tag != f"{SVG}g" or "transform" in element.attrib)
    )


def _texts(drawing: ElementTree.Element) -> list[str]:
    """Return all that a reader may see as text, however it is marked."""
    metadata = {each for parent in drawing.iter(f"{SVG}metadata") for each in parent.iter()}
    parts = (part for each in drawing.iter() if each not in metadata for part in (each.text, each.tail))
    return [part.strip() for part in parts if part and part.strip()]


def _colours(element: ElementTree.Element) -> list[str]:
    said = f"{element.get('style', '')}; fill: {element.get('fill', '')}"
    return re.findall(r"(?:fill|stroke|fill-opacity|stroke-opacity|font-size): *[^;]+", said)


def _numbers(element: ElementTree.Element) -> list[float]:
    return [float(each) for name in PLACED for each in NUMBER.findall(element.get(name, ""))]


def _unpacked(text: str) -> str:
    """Return a drawing with the SHA-256 of pixels in place of its pictures, which libraries pack differently."""
    return PICTURE.sub(lambda found: hashlib.sha256(repr(_pixels(found[0])).encode()).hexdigest(), text)


def _pixels(address: str) -> tuple[tuple[int, int], bytes]:
    """Return size and pixels of a picture; none of one that cannot be read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(PICTURE.fullmatch(address)[1])), formats=["PNG"]) as image:  # type: ignore[index]
            return image.size, image.convert("RGBA").tobytes()
    except (OSError, ValueError, TypeError, Image.DecompressionBombError):
        return (0, 0), address.encode()


def _alike(one: str, two: str) -> bool:
    import numpy as np

    (size, mine), (other, theirs) = _pixels(one), _pixels(two)
    if size != other or len(mine) != len(theirs):
        return False
    apart = np.frombuffer(mine, np.uint8).astype(np.int64) - np.frombuffer(theirs, np.uint8)
    return not len(apart) or int(np.abs(apart).max()) <= SHADE


def _prolog(text: str) -> str:
    return text[: max(text.find("<svg"), 0)]


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _around(one: str, two: str) -> tuple[str, str]:
    """Return where two texts begin to differ."""
    at = next((n for n, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), min(len(one), len(two)))
    return repr(one[max(0, at - AROUND) : at + AROUND]), repr(two[max(0, at - AROUND) : at + AROUND])
