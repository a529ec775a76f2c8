"""The one skeleton of all HTML pages: a file that needs no network, on a phone, on paper and in the dark.

A page is made from parts that are `Html`; whatever is only a ``str``, such as an id, a class name or a reason, is
escaped on its way in, so that a name like ``<script>`` is shown and never run. A policy in the page forbids every
request, and every script but the page's own, by its digest; images are part of the file. The same parts always give
the same bytes.

Example:
    >>> part = section("Images", paragraph("There are ", code("<b>"), "."), table(["id", Column("bytes")], [["a", 7]]))
    >>> document("A set", [part]).count("<h1>")
    1
"""

import base64
import hashlib
import html
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

# No request, and no script unless `document` adds its own; styles in the page, images as part of it.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Html(str):
    """Text that is markup already; everything else is escaped."""

    __slots__ = ()


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading; ``anchor`` is what a link to it ends with."""

    title: str
    anchor: str
    body: Html


@dataclass(frozen=True)
class Column:
    """A column of numbers in a table, set flush right; a column of text is a mere ``str``."""

    name: str


@dataclass(frozen=True)
class Tile:
    """One entry of a contact sheet.

    Attributes:
        images: What `thumbnail` returned: one, or several side by side such as a pair.
        caption: What stands below.
        alt: What the images show, for those who do not see them.
        marked: Whether a frame sets it off; the caption must say why.
    """

    images: Sequence[str]
    caption: str
    alt: str
    marked: bool = False


def document(
    title: str,
    sections: Sequence[Section],
    lead: Sequence[str] = (),
    footer: str = "",
    *,
    style: str = "",
    script: str = "",
    pictures: bool = False,
) -> str:
    """Return a page.

    Args:
        title: The only heading of the first level, and the name of the window.
        sections: In their order; of several, links lead to each.
        lead: What stands between the title and the links: paragraphs, notes, facts.
        footer: What stands at the end, such as how the page was made.
        style: Rules of CSS that come after those of every page.
        script: JavaScript, run at the end of the page; a page must say all it has to say without it, too.
        pictures: Whether images lie in files beside the page.

    Raises:
        ValueError: If two sections have the same anchor, or style or script would end their element.
    """
    if re.search(r"</(style|script)|<!--", style + script, re.IGNORECASE):
        raise ValueError("a style or a script must not hold </style, </script or <!--")
    anchors = [part.anchor for part in sections]
    if len(set(anchors)) < len(anchors):
        raise ValueError(f"two sections have the same anchor among {anchors}; give one an anchor of its own")
    links = [f'<li><a href="#{part.anchor}">{escaped(part.title)}</a></li>' for part in sections]
    contents = f'<nav aria-label="Contents"><ul>{"".join(links)}</ul></nav>\n' if len(links) > 1 else ""
    bodies = [
        f'<section id="{part.anchor}" aria-labelledby="{part.anchor}-title">\n'
        f'<h2 id="{part.anchor}-title">{escaped(part.title)}</h2>\n{part.body}\n</section>\n'
        for part in sections
    ]
    end = f"<footer>{escaped(footer)}</footer>\n" if footer else ""
    policy = POLICY.replace("img-src data:", "img-src data: 'self'") if pictures else POLICY
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
        end += f"<script>{script}</script>\n"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{_style()}{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#content">Skip to the content</a>\n<header>\n<h1>{escaped(title)}</h1>\n'
        f'{joined(*lead)}\n{contents}</header>\n<main id="content">\n{"".join(bodies)}</main>\n{end}</body>\n</html>\n'
    )


def section(title: str, *parts: str, anchor: str = "") -> Section:
    """Return a section of `document`; without an ``anchor`` it is made from the title."""
    plain = unicodedata.normalize("NFKD", anchor or title).encode("ascii", "ignore").decode().lower()
    return Section(title, re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section", joined(*parts))


def escaped(text: str) -> Html:
    """Return text as markup that shows it; markup is returned as it is.

    Control signs, and signs that reverse the direction of writing, could make a name look like another; they are shown
    as escapes.
    """
    if isinstance(text, Html):
        return text
    return Html(html.escape(visible(text)))


def visible(text: str) -> str:
    """Return text with escapes in place of signs that would act instead of being seen."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def joined(*parts: str) -> Html:
    """Return parts one after the other; those that are no markup are escaped."""
    return Html("\n".join(escaped(part) for part in parts))


def paragraph(*parts: str) -> Html:
    """Return a paragraph of texts and inline markup."""
    return Html(f"<p>{''.join(escaped(part) for part in parts)}</p>")


def code(text: str) -> Html:
    """Return a name or a command, set as such."""
    return Html(f"<code>{escaped(text)}</code>")


def link(text: str, address: str) -> Html:
    """Return a link; an address that is neither of the web nor relative is shown as text.

    Nothing is loaded until a reader follows it.
    """
    if not re.match(r"(https?://|(?!//)[#./\w%~-]+$)", address, re.ASCII):
        return escaped(f"{text} ({address})")
    return Html(f'<a href="{escaped(address)}">{escaped(text)}</a>')


def note(*parts: str, warning: bool = False) -> Html:
    """Return a remark that is set off; a warning more so, and it says that it is one."""
    body = "".join(escaped(part) for part in parts)
    if warning:
        return Html(f'<aside class="warning" role="note"><strong>Warning:</strong> {body}</aside>')
    return Html(f'<aside role="note">{body}</aside>')


def folded(summary: str, *parts: str) -> Html:
    """Return parts that a reader unfolds; on paper they are unfolded."""
    return Html(f"<details><summary>{escaped(summary)}</summary>\n{joined(*parts)}\n</details>")


def bullets(items: Iterable[str]) -> Html:
    """Return a list."""
    return Html(f"<ul>{''.join(f'<li>{escaped(item)}</li>' for item in items)}</ul>")


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Return names with their values."""
    return Html(f"<dl>{''.join(f'<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>' for name, value in pairs)}</dl>")


def table(head: Sequence[str | Column], rows: Iterable[Sequence[str | int]], caption: str = "") -> Html:
    """Return a table that scrolls inside its own box where the screen is too narrow.

    Args:
        head: The columns. The cells of the first head their rows.
        rows: A cell per column each; an ``int`` gets separators of thousands.
        caption: What the table shows.

    Raises:
        ValueError: If a row has not one cell per column.
    """
    right = [isinstance(column, Column) for column in head]
    names = [column.name if isinstance(column, Column) else column for column in head]
    lines = [_row(names, right, ["th"] * len(head), "col")]
    body = []
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"a row has {len(row)} cells, the table {len(head)} columns")
        cells = [f"{cell:,}" if isinstance(cell, int) else cell for cell in row]
        body.append(_row(cells, right, ["th", *["td"] * (len(head) - 1)], "row"))
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    name = escaped(re.sub(r"<[^>]*>", "", caption) if isinstance(caption, Html) else caption) or "Table"
    return Html(
        # With a tab stop, so that the keyboard can scroll it, too.
        f'<div class="table" role="region" aria-label="{name}" tabindex="0"><table>{title}'
        f"<thead>{''.join(lines)}</thead>\n<tbody>{chr(10).join(body)}</tbody></table></div>"
    )


def figure(svg: str, caption: str, alt: str) -> Html:
    """Return a drawing, part of the page, so that its text can be searched and scaled.

    Args:
        svg: An SVG file that this program drew; it is not made safe. Ids in it are made unique to the drawing.
        caption: What stands below.
        alt: What the drawing shows, for those who do not see it.
    """
    drawing = svg[svg.index("<svg") :]
    own = f"d{hashlib.sha256(drawing.encode()).hexdigest()[:8]}-"
    drawing = re.sub(r'(?<=\s)(id="|(?:xlink:)?href="#)', rf"\g<1>{own}", drawing)
    drawing = drawing.replace("url(#", f"url(#{own}")
    drawing = drawing.replace("<svg", f'<svg role="img" aria-label="{escaped(alt)}"', 1)
    return Html(f'<figure><div class="drawing">{drawing}</div>\n<figcaption>{escaped(caption)}</figcaption></figure>')


def contact_sheet(tiles: Iterable[Tile], caption: str) -> Html:
    """Return images with their captions, as many beside each other as the screen holds.

    Whether images may be on a page at all is for `cleanbench.licence` to say.
    """
    entries = "".join(_tile(tile) for tile in tiles)
    return Html(f'<figure><figcaption>{escaped(caption)}</figcaption><ul class="sheet">{entries}</ul></figure>')


def thumbnail(image: "Image.Image", side: int = 112) -> str:
    """Return an image, no side longer than ``side`` pixels, as an address that holds all of it."""
    return f"data:image/jpeg;base64,{base64.b64encode(small_jpeg(image, side)).decode()}"


def small_jpeg(image: "Image.Image", side: int) -> bytes:
    """Return an image, no side longer than ``side`` pixels, as the bytes of a JPEG file.

    Metadata such as a place or a name are left behind.
    """
    from PIL import Image

    small = image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    bare = Image.new("RGB", small.size)
    bare.paste(small)
    buffer = io.BytesIO()
    bare.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


# Signs that turn the direction of what follows: "photo[U+202E]gpj.exe" would read "photoexe.jpg".
_REVERSING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _visible(sign: str) -> str:
    hidden = unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") and sign not in "\n\t"
    return sign.encode("unicode_escape").decode() if hidden or sign in _REVERSING else sign


def _tile(tile: Tile) -> str:
    marked = ' class="marked"' if tile.marked else ""
    images = "".join(f'<img src="{escaped(image)}" alt="{escaped(tile.alt)}">' for image in tile.images)
    return f'<li{marked}><span class="images">{images}</span><span class="caption">{escaped(tile.caption)}</span></li>'


def _row(cells: Sequence[str], right: Sequence[bool], tags: Sequence[str], scope: str) -> str:
    marked = []
    for cell, is_number, tag in zip(cells, right, tags, strict=True):
        kind = ' class="number"' if is_number else ""
        heads = f' scope="{scope}"' if tag == "th" else ""
        marked.append(f"<{tag}{kind}{heads}>{escaped(cell)}</{tag}>")
    return f"<tr>{''.join(marked)}</tr>"


@cache
def _style() -> str:
    return resources.files("cleanbench.report").joinpath("page.css").read_text(encoding="utf-8")
