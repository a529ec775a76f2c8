"""Reports in a browser: they open without a network or a complaint, fit a phone, and react without a script."""

import pytest
from reported_runs import ATTACKS, finish, image_set

from cleanbench.report.writing import report_run, report_runs

WIDTHS = (320, 360, 1200)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return the page of a run and of a comparison, with hostile names wherever a name can be."""
    runs = tmp_path_factory.mktemp("runs")
    images = image_set(60, ATTACKS, broken=(2,))
    folder = finish(runs, images, ATTACKS[0], changed={ATTACKS[1]: ATTACKS[2]})
    for number in range(12):
        finish(runs, images, f"method {number} {ATTACKS[number % 3]}", quality=number / 6, ties=number == 5)
    return {"run": report_run(folder, images), "comparison": report_runs(folder.parent, images)}


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_names_stay_names_and_nothing_is_loaded(browser, pages, kind):
    browser.open(pages[kind])
    assert browser.ask("return document.title") != "attacked"
    assert browser.ask("return document.querySelectorAll('script, [onerror], [onload]').length") == 0
    assert ATTACKS[0] in browser.ask("return document.body.innerText")
    assert browser.requests() == []
    assert browser.complaints() == []


@pytest.mark.parametrize("kind", ["run", "comparison"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(browser, pages, kind, width):
    browser.open(pages[kind], width=width)
    browser.ask("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.overflow() == 0


def test_every_thumbnail_is_seen(browser, pages):
    browser.open(pages["run"])
    assert browser.ask("return [...document.images].every(image => image.naturalWidth > 0)")
    assert browser.ask("return document.images.length") > 60


def test_a_tick_makes_a_curve_stand_out_in_every_chart(browser, pages):
    browser.open(pages["comparison"])
    ask = """
        const box = document.querySelectorAll('.curves-off_topic input')[11];
        const widths = () => [...document.querySelectorAll('.curves-off_topic .k11')]
            .map(path => getComputedStyle(path).strokeWidth);
        const before = widths(); box.click(); const during = widths(); box.click();
        return [before, during, widths()];
    """
    before, during, after = browser.ask(ask)
    assert before == after == ["1px"] * 3
    assert during == ["2px"] * 3


def test_a_chosen_curve_fades_when_its_tick_is_taken_away(browser, pages):
    browser.open(pages["comparison"])
    ask = """
        const box = document.querySelector('.curves-off_topic input:checked');
        const path = document.querySelector('.curves-off_topic .' + box.id.split('-').pop());
        const before = getComputedStyle(path).strokeWidth; box.click();
        return [before, getComputedStyle(path).strokeWidth];
    """
    assert browser.ask(ask) == ["2px", "1px"]


def test_curves_change_colour_in_the_dark(browser, pages):
    colours = set()
    for dark in (False, True):
        browser.open(pages["run"], dark=dark)
        colours.add(browser.ask("return getComputedStyle(document.querySelector('.chart .line')).stroke"))
    assert len(colours) == 2


def test_on_paper_everything_is_unfolded(browser, pages):
    ask = "return [...document.querySelectorAll('details')].map(each => each.offsetHeight)"
    browser.open(pages["run"])
    folded = browser.ask(ask)
    browser.open(pages["run"], medium="print")
    assert folded
    assert all(after > before for before, after in zip(folded, browser.ask(ask), strict=True))


def test_a_large_set_opens_at_once(browser, tmp_path):
    images = image_set(10_000, pairs=2000)
    page = report_run(finish(tmp_path, images), images)
    browser.open(page, width=360)
    assert browser.overflow() == 0
    assert browser.complaints() == []
    assert browser.ask("return document.querySelectorAll('*').length") < 6000
