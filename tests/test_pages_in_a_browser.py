"""Pages as readers meet them: in a browser, without a network, on a phone, in the dark, on paper, by keyboard."""

from pathlib import Path

import pytest
from browser import Browser
from PIL import Image

from cleanbench.report import page
from cleanbench.report.page import Column, Tile

ATTACKS = (
    "<script>document.title = 'attacked'</script>",
    "<img src=x onerror=\"document.title = 'attacked'\">",
    '"><svg onload="document.title = \'attacked\'">',
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with a wide table, a long word, a picture, a drawing and hostile names."""
    picture = page.thumbnail(Image.new("RGB", (300, 200), "teal"))
    wide = [Column(f"number {number}") for number in range(20)]
    sections = [
        page.section("Names", page.facts([(attack, attack) for attack in ATTACKS]), page.paragraph("a" * 400)),
        page.section("Table", page.table(["name", *wide], [[ATTACKS[0], *range(20)]], caption=ATTACKS[1])),
        page.section("Pictures", page.contact_sheet([Tile([picture] * 2, "two", "teal", marked=True)] * 9, "teal")),
        page.section("Drawing", page.figure('<svg width="900" height="90"><text y="20">drawn</text></svg>', "c", "a")),
    ]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page.document(f"A page {ATTACKS[0]}", sections, [page.note("careful", warning=True)]))
    return path


def test_names_are_shown_and_nothing_is_run_or_loaded(browser: Browser, written: Path) -> None:
    browser.open(written)
    assert browser.ask("return document.title") == f"A page {ATTACKS[0]}"
    assert browser.ask("return document.querySelectorAll('script, [onerror], [onload]').length") == 0
    assert browser.ask("return document.querySelector('dd').innerText") == ATTACKS[0]
    assert browser.requests() == []
    assert browser.complaints() == []


def test_the_policy_stops_what_would_slip_through(browser: Browser, written: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    smuggled = "<script>document.title = 'attacked'</script><script src='http://example.org/a.js'></script>"
    smuggled += "<img src='http://example.org/a.png'></main>"
    broken.write_text(written.read_text().replace("</main>", smuggled))
    browser.open(broken)
    assert browser.ask("return document.title") == f"A page {ATTACKS[0]}"
    complaints = browser.complaints()
    assert sum("Content Security Policy" in complaint for complaint in complaints) == 3, complaints


def test_pictures_are_seen(browser: Browser, written: Path) -> None:
    browser.open(written)
    widths = browser.ask("return [...document.images].map(image => image.naturalWidth)")
    assert widths == [112] * 18


@pytest.mark.parametrize("width", [320, 360, 768, 1600])
def test_no_screen_is_too_narrow(browser: Browser, written: Path, width: int) -> None:
    browser.open(written, width=width)
    assert browser.overflow() == 0
    box = "const box = document.querySelector('.table'); return [box.scrollWidth > box.clientWidth, box.tabIndex]"
    scrolls, stop = browser.ask(box)
    assert scrolls or width > 1500
    assert stop == 0, "the keyboard reaches the table and can scroll it"


def test_the_first_tab_leads_to_a_visible_link_past_the_contents(browser: Browser, written: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.open(written)
    left = "return document.activeElement.getBoundingClientRect().left"
    assert browser.ask("return document.querySelector('.skip').getBoundingClientRect().right") < 0
    ActionChains(browser.driver).send_keys(Keys.TAB).perform()
    assert browser.ask("return document.activeElement.className") == "skip"
    assert browser.ask(left) >= 0


def test_readers_who_prefer_the_dark_get_it_and_paper_stays_white(browser: Browser, written: Path) -> None:
    colours = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
    browser.open(written)
    assert browser.ask(colours) == ["rgb(255, 255, 255)", "rgb(28, 31, 35)"]
    browser.open(written, dark=True)
    assert browser.ask(colours) == ["rgb(20, 23, 26)", "rgb(231, 234, 237)"]
    browser.open(written, dark=True, medium="print")
    assert browser.ask(colours) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert browser.ask("return getComputedStyle(document.querySelector('nav')).display") == "none"
