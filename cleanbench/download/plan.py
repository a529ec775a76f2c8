"""Which images of a data set are wanted, which are there, and where the others were published."""

import re
import threading
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import UserError
from cleanbench.datasets.fitzpatrick17k import TABLE, TABLE_URL
from cleanbench.datasets.folder import find
from cleanbench.datasets.tables import canonical, rows, some
from cleanbench.download.connections import Gone, Retry
from cleanbench.download.fetching import Manners, md5, unknown
from cleanbench.download.items import Item, Outcome, Status
from cleanbench.download.requests import get
from cleanbench.progress import progress
from cleanbench.spelling import nearest

# Tables of addresses by data set; CleanPatrick judges the images of Fitzpatrick17k.
TABLES = {"fitzpatrick17k": (TABLE, TABLE_URL), "cleanpatrick": (TABLE, TABLE_URL)}

# Where new images go within the folder; the reference code looks one folder deep for them.
IMAGES = "images"


@dataclass(frozen=True)
class Plan:
    """What there is to do.

    Attributes:
        present: The images that are there, with the content that they should have.
        wanted: The others.
    """

    present: tuple[Outcome, ...]
    wanted: tuple[Item, ...]


def make_plan(dataset: str, root: Path, table: Path | None, manners: Manners) -> Plan:
    """Compare a folder with the table of the images, which is fetched if it is not there.

    Files are looked for in all folders below ``root``, by name, and compared by the MD5 sum of their content.

    Args:
        dataset: Name of the data set.
        root: Folder of the images; it is made if need be.
        table: CSV file with ``md5hash`` and ``url``; None: the one of the data set, in ``root``.
        manners: How servers are asked.

    Raises:
        UserError: If the data set is unknown, or the folder or the table is not what it should be.
    """
    if dataset not in TABLES:
        raise UserError(f"the images of {dataset!r} are not known to be public.{nearest(dataset, TABLES)}")
    name, url = TABLES[dataset]
    try:
        (root / IMAGES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{root / IMAGES} cannot be made: {error.strerror or error}; check root") from error
    if table is None:
        table = root / name
        if not table.exists():
            _fetch_table(table, url, manners)
    addresses = _addresses(table)
    lying: dict[str, list[Path]] = {}
    for path in find(root).images:
        lying.setdefault(canonical(path.stem).lower(), []).append(path)
    present, wanted = [], []
    with progress("check files", len(addresses), "image") as bar:
        for key, (address, *others) in addresses.items():
            paths = lying.get(key, [])
            right = next((path for path in paths if sum_of(path) == key), None)
            if right is not None:
                present.append(Outcome(Item(key, address, right), Status.PRESENT))
            else:
                # A file of that name with another content is replaced where it lies: two would be ambiguous.
                path = paths[0] if paths else root / IMAGES / f"{key}.jpg"
                wanted.append(Item(key, address, path, bool(paths), tuple(others)))
            bar.update(1)
    return Plan(tuple(present), tuple(wanted))


def _addresses(table: Path) -> dict[str, list[str]]:
    """Return the addresses of each image by its id, in the order of the table."""
    content = rows(table)
    _, header = next(content)
    if absent := [column for column in ("md5hash", "url") if column not in header]:
        raise UserError(f"{table} has no column {some(absent)}; its columns are {some(header, 10)}")
    key, url = header.index("md5hash"), header.index("url")
    found: dict[str, list[str]] = {}
    for line, fields in content:
        name = fields[key].strip().lower()
        # The id becomes a file name.
        if not re.fullmatch(r"[0-9a-f]{32}", name):
            raise UserError(f"{table}, line {line}: {some([name])} is no MD5 sum of 32 hexadecimal digits")
        known = found.setdefault(name, [])
        if (address := fields[url].strip()) not in known:
            known.append(address)
    if not found:
        raise UserError(f"{table} has a header but no rows; is it cut off?")
    return found


def _fetch_table(table: Path, url: str, manners: Manners) -> None:
    try:
        if problem := unknown(url):
            raise Retry(problem)
        content = get(url, min(manners.timeout, 10.0), threading.Event()).content
    except (Gone, Retry) as error:
        raise UserError(
            f"{table} is not there, and {url} cannot be fetched ({error}); put the table there, or give its path: "
            "table=PATH"
        ) from error
    if not content.lstrip(b"\xef\xbb\xbf").startswith(b"md5hash,"):
        raise UserError(f"{url} sends something else than a table of images; put the table to {table} yourself")
    part = table.with_name(f".{table.name}.part")
    try:
        part.write_bytes(content)
        part.replace(table)
    except OSError as error:
        raise UserError(f"{table} cannot be written: {error.strerror or error}; check root") from error


def sum_of(path: Path) -> str:
    """Return the MD5 sum of a file, or an empty text if it cannot be read."""
    try:
        return md5(path.read_bytes())
    except OSError:
        return ""
