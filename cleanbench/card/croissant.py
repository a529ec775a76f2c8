"""The card, ids, labels and truths of a data set as Croissant 1.0, the metadata format of MLCommons.

A JSON-LD file says what is known of the set; tables (Parquet) beside it hold what is known of each image and each
judged item. The images themselves are not in it: each has the SHA-256 of its file, so that who has them can match
them. Fields that nobody stated are left out, never filled in. https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cleanbench.core import GroundTruth, UserError, digest_of
from cleanbench.image_set import Card, ImageSet
from cleanbench.inspect.survey import column, label_of
from cleanbench.licence import NOT_STATED
from cleanbench.rankings import write_table, write_truth
from cleanbench.report.parts import save

# As the specification gives it, for version 1.0.
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
OWN = ("id", "label", "sha256")  # columns of the table of images that are no attributes
TEXT, INTEGER, FLOAT = "sc:Text", "sc:Integer", "sc:Float"


def export(image_set: ImageSet, path: Path) -> list[Path]:
    """Write a data set as Croissant.

    Args:
        image_set: The set.
        path: The JSON file; the tables go beside it, with its name before theirs.

    Returns:
        The files, the JSON file first.

    Raises:
        UserError: If they cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # All of it or nothing: a table without the file that describes it is of no use.
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as scratch:
            written = _write(image_set, Path(scratch) / path.name)
            return [each.replace(path.with_name(each.name)) for each in written]
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}); give another place") from error


def _write(image_set: ImageSet, path: Path) -> list[Path]:
    """Write the JSON file and the tables, and return them in this order."""
    tables = {"images": path.with_name(f"{_slug(path.stem)}.images.parquet")}
    described: list[dict[str, Any]] = []
    columns = _images(image_set)
    write_table(tables["images"], {name: values for name, (values, _) in columns.items()})
    about = "The images of the set; sha256 is that of an image's file, empty if it could not be read."
    described.append(_record_set("images", about, dict.fromkeys(columns, TEXT), _described(columns), key="id"))
    for (issue, name), truth in image_set.truths.items():
        record = f"{issue}-{_slug(name)}"
        tables[record] = path.with_name(f"{_slug(path.stem)}.{record}.parquet")
        write_truth(tables[record], truth, image_set.ids)
        described.append(_truth(record, truth, image_set.card.made(truth)))
    files = [_file_object(record, table) for record, table in tables.items()]
    content = {**_head(image_set), "distribution": files, "recordSet": described}
    save(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return [path, *tables.values()]


def problems(path: Path) -> list[str] | None:
    """Return what mlcroissant finds wrong with a file; None if mlcroissant is not installed."""
    try:
        import mlcroissant
    except ImportError:
        return None
    from absl import logging

    # What is recommended and not known is told by the card, not once more by a log.
    logging.set_verbosity(logging.ERROR)
    try:
        mlcroissant.Dataset(jsonld=str(path))
    except mlcroissant.ValidationError as error:
        return [line.strip() for line in str(error).splitlines() if line.strip()]
    return []


def _head(image_set: ImageSet) -> dict[str, Any]:
    """Return what is said of the whole set."""
    card = image_set.card
    made = [f"{issue}: {how}" for issue, how in card.truths.items()]
    address = next((text for text in (card.identifier, card.source) if re.fullmatch(r"https?://\S+", text)), "")
    stated = {
        "description": card.description,
        "license": _licence(card),
        "url": address,
        "identifier": card.identifier,
        "citeAs": card.citation,
        "isBasedOn": card.source,
        "rai:dataCollection": card.capture,
        "rai:dataAnnotationProtocol": made,
        "rai:dataLimitations": list(card.blemishes),
    }
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": image_set.name,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        **{key: value for key, value in stated.items() if value},
    }


def _licence(card: Card) -> str:
    """Return the address of an SPDX identifier, as Croissant recommends, or the terms as stated; empty if not stated.

    Example:
        >>> _licence(Card("", "CC-BY-NC-4.0"))
        'https://spdx.org/licenses/CC-BY-NC-4.0.html'
    """
    text = card.licence.strip()
    if text == NOT_STATED:
        return ""
    if re.fullmatch(r"MIT|ISC|Unlicense|[A-Za-z][\w.+]*(-[\w.+]+)*-\d[\w.+]*(-[\w.+]+)*", text):
        return f"https://spdx.org/licenses/{text}.html"
    return text


def _images(image_set: ImageSet) -> dict[str, tuple[list[str | None], str]]:
    """Return the columns of the table of images with what each says."""
    digests = [digest if len(digest) == 64 else None for digest in image_set.images.digests()]
    labels = [label_of(image_set, position) or None for position in range(len(image_set))]
    columns: dict[str, tuple[list[str | None], str]] = {
        "id": (list(image_set.ids), "What names the image."),
        "sha256": (digests, "SHA-256 of the image's file."),
    }
    if image_set.labels is not None:
        columns["label"] = (labels, "The given class, which may be wrong.")
    for name in image_set.attributes:
        values = [value or None for value in column(image_set, name)]
        columns[f"attribute {name}" if name in OWN else name] = (values, f"{name}, as the source of the set has it.")
    return columns


def _described(columns: Mapping[str, tuple[list[str | None], str]]) -> dict[str, str]:
    return {name: about for name, (_, about) in columns.items()}


def _truth(record: str, truth: GroundTruth, how: str) -> dict[str, Any]:
    ids = ["id_a", "id_b"] if truth.issue.ranks_pairs else ["id"]
    kinds = {**dict.fromkeys(ids, TEXT), "label": INTEGER}
    about = {**dict.fromkeys(ids, "The image."), "label": "1 if the item is faulty, 0 if it is not."}
    if truth.probability is not None:
        kinds["probability"], about["probability"] = FLOAT, "Probability that the item is faulty."
    if truth.inclusion is not None:
        kinds["inclusion"], about["inclusion"] = FLOAT, "Probability with which the item was drawn to be judged."
    noun = "pairs of images" if truth.issue.ranks_pairs else "images"
    what = f"{truth.issue.heading} truth {truth.name!r} about {noun}, {truth.origin}"
    told = f"{what}. {how}".strip()
    return _record_set(record, told, kinds, about)


def _record_set(
    record: str, about: str, kinds: Mapping[str, str], described: Mapping[str, str], key: str = ""
) -> dict[str, Any]:
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{record}/{quote(name, safe='')}",
            "name": name,
            "description": described[name],
            "dataType": kind,
            "source": {"fileObject": {"@id": f"{record}.parquet"}, "extract": {"column": name}},
        }
        for name, kind in kinds.items()
    ]
    keyed = {"key": {"@id": f"{record}/{key}"}} if key else {}
    return {"@type": "cr:RecordSet", "@id": record, "name": record, "description": about, **keyed, "field": fields}


def _file_object(record: str, table: Path) -> dict[str, str]:
    return {
        "@type": "cr:FileObject",
        "@id": f"{record}.parquet",
        "name": table.name,
        "contentUrl": table.name,
        "encodingFormat": "application/x-parquet",
        "sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
    }


def _slug(name: str) -> str:
    """Return a name as part of an address and of a file's name; readers differ in whether they decode addresses.

    What is lost of a name is made up for by digits of its hash, so that two names stay two.
    """
    plain = re.sub(r"[^\w.]+", "_", name, flags=re.ASCII)
    return plain if plain == name else f"{plain}-{digest_of([name])[:8]}"
