"""The skeleton of HTML pages: names never become markup, nothing is loaded, and readers of all kinds find their way."""

import base64
import io
import re
from html.parser import HTMLParser
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cleanbench.report import page
from cleanbench.report.page import Column, Html, Tile

ATTACK = '<script>alert("1")</script>'
VOID = {"meta", "img", "br", "path", "use"}


class Outline(HTMLParser):
    """Collects the elements and texts of a page, and refuses tags that do not nest."""

    def __init__(self, markup):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Note an element that is empty."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Close the innermost element."""
        assert self._open.pop() == tag

    def handle_data(self, data):
        """Note a text."""
        self.texts.append(data)

    def without_texts(self):
        """Return the elements with the names of their attributes, links apart: an address may be no address."""
        return [(tag, sorted(attributes)) for tag, attributes in self.elements if "href" not in attributes]

    def count(self, tag):
        """Return how many elements of a kind there are."""
        return sum(name == tag for name, _ in self.elements)


def everything(text):
    """Return a page that has ``text`` in every place that takes one."""
    image = page.thumbnail(Image.new("RGB", (200, 100), "red"))
    return page.document(
        text,
        [
            page.section(
                text,
                text,
                page.paragraph(text, page.code(text), page.link(text, text)),
                page.note(text),
                page.note(text, warning=True),
                page.bullets([text]),
                page.facts([(text, text)]),
                anchor="one",
            ),
            page.section("Two", page.table([text, Column(text)], [[text, 1234], [text, text]], caption=text)),
            page.section("Three", page.contact_sheet([Tile([image, image], text, text, marked=True)], text)),
            page.section("Four", page.figure('<svg xmlns="x"><g id="a"/><use href="#a"/></svg>', text, text)),
        ],
        lead=[text],
        footer=text,
    )


@given(st.text(min_size=1))
def test_no_text_changes_what_a_page_is_made_of(text):
    assert Outline(everything(text)).without_texts() == Outline(everything("a")).without_texts()


def test_a_script_is_shown_and_never_part_of_a_page():
    outline = Outline(everything(ATTACK))
    assert outline.count("script") == 0
    assert ATTACK in "".join(outline.texts)


def test_a_page_forbids_scripts_and_requests_and_makes_none():
    outline = Outline(everything("a"))
    policy = next(attributes["content"] for _, attributes in outline.elements if "http-equiv" in attributes)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    loaded = [attributes["src"] for _, attributes in outline.elements if "src" in attributes]
    assert len(loaded) == 2
    assert all(address.startswith("data:image/") for address in loaded)
    assert not {"link", "iframe", "object", "script"} & {tag for tag, _ in outline.elements}
    style = resources.files("cleanbench.report").joinpath("page.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_a_page_has_a_language_one_title_links_to_its_sections_and_images_in_words():
    outline = Outline(everything("a"))
    assert ("html", {"lang": "en"}) in outline.elements
    assert (outline.count("h1"), outline.count("h2"), outline.count("nav")) == (1, 4, 1)
    identifiers = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    targets = [attributes["href"] for tag, attributes in outline.elements if tag == "a" and "href" in attributes]
    assert {"#one", "#two", "#three", "#four", "#content"} <= set(targets)
    assert {target[1:] for target in targets if target.startswith("#")} <= set(identifiers)
    assert all(attributes["alt"] for tag, attributes in outline.elements if tag == "img")


def test_two_sections_of_one_anchor_are_refused():
    with pytest.raises(ValueError, match="same anchor"):
        page.document("a", [page.section("b"), page.section("B")])


def test_a_table_sets_numbers_flush_right_and_refuses_ragged_rows():
    written = page.table(["name", Column("count")], [["a", 1234567]], caption="Counts")
    assert '<td class="number">1,234,567</td>' in written
    assert '<th scope="row">a</th>' in written
    assert "<caption>Counts</caption>" in written
    with pytest.raises(ValueError, match="1 cells, the table 2 columns"):
        page.table(["a", "b"], [["a"]])


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//evil.example/x", " http://a"])
def test_a_link_that_is_no_web_address_is_text(address):
    assert "<a" not in page.link("text", address)
    assert "<a" in page.link("text", "https://doi.org/10.1234/5")


def test_signs_that_make_a_name_look_like_another_are_shown():
    assert page.escaped("photo\u202egpj.exe\x00\udcff") == "photo\\u202egpj.exe\\x00\\udcff"
    everything("\udcff").encode("utf-8")


def test_markup_is_not_escaped_twice():
    assert page.escaped(page.code("a & b")) == "<code>a &amp; b</code>"
    assert isinstance(page.joined("a", page.code("b")), Html)


def test_ids_of_two_drawings_do_not_meet():
    drawings = [f'<?xml?>\n<svg><path id="p" d="M{n}"/><g clip-path="url(#p)" xlink:href="#p"/></svg>' for n in (1, 2)]
    first, second = (page.figure(drawing, "caption", "alt") for drawing in drawings)
    (own,), (other,) = (set(re.findall(r'(?:id="|#)(d\w+-p)', figure)) for figure in (first, second))
    assert own != other
    assert "<?xml" not in first


def test_a_thumbnail_is_small_and_bare():
    image = Image.new("RGB", (300, 200), "red")
    image.getexif()[0x010E] = "a patient's name"
    address = page.thumbnail(image, side=60)
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as small:
        assert small.size == (60, 40)
        assert not small.getexif()


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_have_the_contrast_of_wcag_aa_in_light_in_the_dark_and_on_paper():
    style = resources.files("cleanbench.report").joinpath("page.css").read_text()
    palettes = [
        dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(palettes) == 3
    for palette in palettes:
        for ink, paper in [("ink", "paper"), ("soft", "paper"), ("link", "paper"), ("warn", "warn-paper")] + [
            (ink, "tint") for ink in ("ink", "soft", "link")
        ]:
            dark, light = sorted((luminance(palette[ink]), luminance(palette[paper])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)
