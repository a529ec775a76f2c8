"""The site of the boards as readers meet it: in a browser, from the file system, without a network."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from browser import Browser
from finished_runs import TRUTHS, edit_run, make_run, only

from cleanbench.core import Issue
from cleanbench.leaderboard import rendering
from cleanbench.leaderboard.board import Board
from cleanbench.leaderboard.comparing import comparison_of, evidence_of
from cleanbench.leaderboard.evidence import look, read_truth
from cleanbench.leaderboard.merge import merge
from cleanbench.leaderboard.rows import rows_of
from cleanbench.records import EncoderName, Record

HOSTILE = "<script>document.title = 'attacked'</script>"
ENCODER = EncoderName(settings={}, digest="d" * 64, key="e" * 64)
NAMES = "return [...document.querySelectorAll('#board tbody tr:not([hidden]) th')].map(head => head.innerText)"


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return boards of five methods, two of them on two encoders, one with a hostile name."""
    place = tmp_path_factory.mktemp("site")
    runs = place / "runs"
    make_run(runs, "phash")
    edit_run(make_run(runs, "hostile"), method=HOSTILE, changed={"k": "</script>"})
    for method in ("knn", "lof"):
        make_run(runs, method, encoder=ENCODER)
        edit_run(make_run(runs, method, encoder=ENCODER, seed=1, key=f"{ord(method[0]):x}" * 32), encoder="hog")
    merged = merge(runs, place / "boards")
    assert (merged.refused, merged.added) == ([], 12)
    return place / "boards"


@pytest.fixture
def table(browser: Browser, boards: Path) -> Iterator[Path]:
    """Open the page of off-topic images; afterwards nothing may have been refused or asked of a network."""
    path = only(boards).site(Issue.OFF_TOPIC)
    browser.open(path)
    yield path
    assert browser.complaints() == []
    assert browser.requests() == []


def click(browser: Browser, selector: str) -> None:
    browser.ask("document.querySelector(arguments[0]).click()", selector)


def press(browser: Browser, heading: str) -> None:
    """Press the button of a column."""
    browser.ask(
        "[...document.querySelectorAll('#board th button')].find(b => b.innerText === arguments[0]).click()", heading
    )


def write(browser: Browser, selector: str, text: str) -> None:
    """Enter a value as a reader would."""
    browser.ask(
        "const field = document.querySelector(arguments[0]); field.value = arguments[1];"
        "field.dispatchEvent(new Event('input', {bubbles: true}))",
        selector,
        text,
    )


def column(browser: Browser, heading: str) -> list[str]:
    """Return the first line of the visible cells of a column."""
    return [text.split("\n")[0] for text in browser.ask(
        "const heads = [...document.querySelector('#board thead tr').cells].map(cell => cell.innerText.trim());"
        "const place = heads.indexOf(arguments[0]);"
        "return [...document.querySelectorAll('#board tbody tr:not([hidden])')].map(row => row.cells[place].innerText)",
        heading,
    )]  # fmt: skip


def address(browser: Browser) -> str:
    return unquote(browser.ask("return location.hash"))


def test_columns_sort_both_ways_and_say_so(browser: Browser, table: Path) -> None:
    assert len(column(browser, "AP")) == 7
    press(browser, "AUROC")
    values = [float(text) for text in column(browser, "AUROC")]
    assert values == sorted(values, reverse=True)
    sorts = "return [...document.querySelectorAll('#board th[aria-sort]')].map(h => [h.innerText.trim(), h.ariaSort])"
    assert browser.ask(sorts) == [["AUROC", "descending"]]
    assert address(browser) == "#sort=-AUROC"
    press(browser, "AUROC")
    values = [float(text) for text in column(browser, "AUROC")]
    assert values == sorted(values)
    assert browser.ask(sorts) == [["AUROC", "ascending"]]
    press(browser, "FoE")
    assert browser.ask(sorts) == [["FoE", "ascending"]], "of FoE the least is best"
    press(browser, "Method")
    assert column(browser, "Method")[-1] in ("phash", "by chance, expected")
    assert "by chance, expected" in column(browser, "Method")


def test_the_order_by_rank_is_that_of_the_page_without_a_script(browser: Browser, table: Path) -> None:
    written = re.findall(r"<tr id=\"([^\"]+)\"", table.read_text())
    shown = "return [...document.querySelectorAll('#board tbody tr')].map(row => row.id)"
    assert browser.ask(shown) == written
    press(browser, "AP")
    press(browser, "Rank")
    assert browser.ask(shown) == written


def test_filters_leave_chance_and_are_told(browser: Browser, table: Path) -> None:
    write(browser, "#filter", "KNN")
    assert column(browser, "Method") == ["knn", "knn", "by chance, expected"] or set(column(browser, "Method")) == {
        "knn",
        "by chance, expected",
    }
    assert browser.ask("return document.getElementById('shown').innerText") == "2 of 6 lines are shown."
    assert browser.ask("return document.getElementById('shown').ariaLive") == "polite"
    click(browser, "input[name=encoder][value=hog]")
    assert sorted(column(browser, "Encoder")) == ["", "pixels"]
    assert address(browser) == "#q=KNN&encoder=|pixels"
    write(browser, "#filter", "nothing has this name")
    assert column(browser, "Method") == ["by chance, expected"]
    click(browser, "button[type=reset]")
    assert len(column(browser, "Method")) == 7
    assert address(browser) in ("", "#")


def test_an_equal_track_ranks_methods_on_one_encoder(browser: Browser, table: Path) -> None:
    write(browser, "#track", "hog")
    assert set(column(browser, "Encoder")) == {"hog", ""}
    ranks = dict(zip(column(browser, "Method"), column(browser, "Rank"), strict=True))
    assert sorted(ranks.values()) == ["", "1", "2"]
    best = max(("knn", "lof"), key=lambda name: float(column(browser, "AP")[column(browser, "Method").index(name)]))
    assert ranks[best] == "1"
    told = browser.ask("return document.getElementById('shown').innerText")
    assert told == "2 of 2 lines on hog are shown, ranked among themselves."


def test_chosen_methods_are_compared_by_their_curves(browser: Browser, table: Path, boards: Path) -> None:
    assert not browser.ask("return document.getElementById('comparison').checkVisibility()")
    chosen = browser.ask(
        "return [...document.querySelectorAll('#board input')].slice(0, 2).map(b => b.closest('tr').id)"
    )
    for name in chosen:
        click(browser, f"#{name} input")
    assert browser.ask("return document.getElementById('comparison').checkVisibility()")
    for drawing in ("effort", "precision"):
        assert browser.ask("return document.querySelectorAll(`#${arguments[0]} .lines path`).length", drawing) == 3
    assert address(browser) == f"#compare={chosen[0]}&compare={chosen[1]}"
    write(browser, "#depth", "20")
    found, precision = (
        browser.ask("return document.getElementById(arguments[0]).innerText", f"{part}-{chosen[0]}")
        for part in ("found", "precision")
    )
    board = only(boards)
    truth = read_truth(board.truth(Issue.OFF_TOPIC), Issue.OFF_TOPIC)
    (key,) = re.findall(r"key <code title=\"(\w+)\"", board.entry(Issue.OFF_TOPIC, chosen[0]).read_text())
    (record,) = [each for each in board.records() if each.key == key and each.issue is Issue.OFF_TOPIC]
    levels = dict(look(board.ranking(record), record.issue, truth).curve)
    below, above = max(depth for depth in levels if depth <= 20), min(depth for depth in levels if depth >= 20)
    share = (20 - below) / (above - below) if above > below else 0
    expected = levels[below] + share * (levels[above] - levels[below])
    assert found == f"{expected:.1f} of {truth.labels.sum()}"
    assert precision == f"{expected / 20:.3f}"
    rows = browser.ask("return [...document.querySelectorAll('#compared tbody th')].map(head => head.innerText)")
    assert rows[-1] == "by chance, expected"
    click(browser, "#drop")
    assert not browser.ask("return document.getElementById('comparison').checkVisibility()")


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return boards of methods that know the truth, its contrary, or nothing, and of one beside their encoder."""
    place = tmp_path_factory.mktemp("apart")
    truth = np.zeros(60)
    truth[TRUTHS[Issue.OFF_TOPIC].items] = TRUTHS[Issue.OFF_TOPIC].labels
    noise = np.random.default_rng(0).random(60)
    for name, share in (("knows", 0.9), ("guesses", 0.0), ("contrary", -0.9)):
        scores = (share * truth + noise).take
        issues = (Issue.OFF_TOPIC,)
        make_run(place / "runs", name, encoder=ENCODER, scores=lambda items, of=scores: of(range(items)), issues=issues)
    make_run(place / "runs", "beside", issues=issues)
    merge(place / "runs", place / "boards")
    return place / "boards"


def test_who_is_told_apart_is_what_the_comparison_says(browser: Browser, apart: Path) -> None:
    board = only(apart)
    records = board.records()
    truth = read_truth(board.truth(Issue.OFF_TOPIC), Issue.OFF_TOPIC)
    compared = comparison_of(board, records, evidence_of(board, records, truth))
    assert compared is not None
    assert compared.better.any()
    methods = [row.method for row in rows_of(records)]
    browser.open(board.site(Issue.OFF_TOPIC))
    lines = browser.ask("return [...document.querySelectorAll('#board tbody tr:not(#chance)')].map(row => row.id)")
    assert [line.partition("-")[0] for line in lines] == methods
    for first, name in enumerate(lines):
        click(browser, "#drop")
        for other in [name, *(each for each in lines if each != name)]:
            click(browser, f"#{other} input")
        told = browser.ask(
            "return [...document.querySelectorAll('#compared tbody tr')].map(row => [row.cells[0], row.cells[1]]"
            ".map(cell => cell.innerText.trim()))"
        )
        for title, verdict in told[1:-1]:
            other = methods.index(title.partition(" ")[0])
            expected = {(True, False): "worse", (False, True): "better", (False, False): "not told apart"}
            assert verdict == expected[bool(compared.better[first, other]), bool(compared.better[other, first])]
    # Without the line beside them the three stand as a comparison of the three says, with the correction of all four.
    write(browser, "#track", "pixels")
    inside = [place for place, method in enumerate(methods) if method != "beside"]
    better = compared.better[np.ix_(inside, inside)]
    shown = browser.ask(
        "return [...document.querySelectorAll('#board tbody tr:not([hidden]) small')].map(s => s.innerText)"
    )
    ranks = [text for text in shown if "." not in text]
    spans = zip(1 + better.sum(axis=0), len(inside) - better.sum(axis=1), strict=True)
    assert ranks == [str(low) if low == high else f"{low}–{high}" for low, high in spans]


def test_an_address_brings_a_view_back(browser: Browser, table: Path) -> None:
    chosen = browser.ask("return document.querySelector('#board input').closest('tr').id")
    browser.driver.get("about:blank")
    browser.driver.get(
        f"{table.resolve().as_uri()}#q=o&track=pixels&sort=-FoE&compare={chosen}&compare=unknown&depth=7"
    )
    assert browser.ask("return document.getElementById('filter').value") == "o"
    assert column(browser, "Method").count("lof") == 1
    assert browser.ask("return document.querySelector('#board th[aria-sort]').innerText").startswith("FoE")
    assert browser.ask("return document.querySelectorAll('#board input:checked').length") == 1
    assert browser.ask("return document.getElementById('reviewed').innerText").startswith("7 of ")


def test_an_address_leads_to_a_line(browser: Browser, table: Path) -> None:
    last = browser.ask("return [...document.querySelectorAll('#board tbody tr')].at(-1).id")
    browser.driver.get("about:blank")
    browser.driver.get(f"{table.resolve().as_uri()}#{last}")
    box = browser.ask(
        "const box = document.querySelector(':target').getBoundingClientRect(); return [box.top, box.bottom]"
    )
    assert 0 <= box[0] < box[1] <= 900
    assert address(browser) == f"#{last}"


def test_a_record_opens_and_leads_to_its_files(browser: Browser, table: Path) -> None:
    click(browser, "#board tbody tr:not(#chance) th a")
    assert browser.ask("return document.querySelectorAll('svg.chart').length") == 2
    assert browser.ask("return document.querySelectorAll('#metrics tbody tr').length") > 20
    page = Path(unquote(browser.ask("return location.pathname")))
    links = browser.ask("return [...document.querySelectorAll('a[href]')].map(link => link.getAttribute('href'))")
    files = [(page.parent / unquote(link.partition("#")[0])).resolve() for link in links if not link.startswith("#")]
    assert len(files) >= 4
    assert all(path.is_file() for path in files), files
    anchor = next(link.partition("#")[2] for link in links if ".html#" in link)
    assert f'<tr id="{anchor}"' in table.read_text()


def test_every_link_of_the_site_leads_somewhere(browser: Browser, boards: Path, tmp_path: Path) -> None:
    edit_run(make_run(tmp_path / "runs", "phash"), dataset="pets ~ noisy, 20 %")
    assert merge(tmp_path / "runs", tmp_path / "odd").boards == 1
    pages = [*boards.rglob("*.html"), *(tmp_path / "odd").rglob("*.html")]
    assert len(pages) > 16
    assert all('href="' in path.read_text() for path in pages)
    for path in pages:
        for link in re.findall(r'href="([^"#]+)', path.read_text()):
            assert (path.parent / unquote(link)).exists(), (path, link)
    browser.open(boards / "index.html")
    click(browser, "#content table a")
    assert browser.ask("return document.querySelector('h1').innerText") == "Off topic on demo"


def test_hostile_names_are_shown_and_never_run(browser: Browser, table: Path, boards: Path) -> None:
    label = f"{HOSTILE} (k=</script>)"
    assert label in browser.ask(NAMES)
    name = browser.ask(
        "return [...document.querySelectorAll('#board tr')].find(r => r.innerText.includes('<script>')).id"
    )
    click(browser, f"#{name} input")
    assert browser.ask("return document.querySelector('#compared tbody th').innerText") == label
    assert browser.ask("return document.title") == "Off topic on demo"
    assert browser.ask("return document.scripts.length") == 2, "the data and the page's own"
    browser.open(only(boards).entry(Issue.OFF_TOPIC, name))
    assert browser.ask("return document.title").startswith(label)
    assert browser.ask("return document.scripts.length") == 0


def test_without_a_script_everything_is_there_and_nothing_pretends_to_work(browser: Browser, boards: Path) -> None:
    switch = "Emulation.setScriptExecutionDisabled"
    browser.driver.execute_cdp_cmd(switch, {"value": True})
    try:
        browser.open(only(boards).site(Issue.OFF_TOPIC))
        assert len(browser.ask(NAMES)) == 7
        seen = "return document.querySelector(arguments[0]).checkVisibility()"
        assert not browser.ask(seen, "#controls")
        assert not browser.ask(seen, "#board input")
        assert not browser.ask("return document.querySelectorAll('#board button').length")
        assert browser.ask(seen, "noscript p")
    finally:
        browser.driver.execute_cdp_cmd(switch, {"value": False})


def test_the_keyboard_reaches_and_sorts(browser: Browser, table: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.ask("document.querySelector('#board th button').focus()")
    ActionChains(browser.driver).send_keys(Keys.TAB, Keys.ENTER).perform()
    assert browser.ask("return document.querySelector('#board th[aria-sort]').innerText").strip() != "Rank"
    unnamed = browser.ask(
        "return [...document.querySelectorAll('input, select, button')].filter(each => each.checkVisibility() &&"
        " !each.innerText.trim() && !each.ariaLabel && !each.labels?.length).length"
    )
    assert unnamed == 0
    heads = browser.ask("return [...document.querySelectorAll('#board th')].filter(head => !head.scope).length")
    assert heads == 0


@pytest.mark.parametrize("width", [320, 360, 1400])
def test_no_screen_is_too_narrow_for_any_page(browser: Browser, boards: Path, width: int) -> None:
    board = only(boards)
    entries = sorted(board.folder.glob("off_topic/*.html"))
    for path in (boards / "index.html", board.site(Issue.OFF_TOPIC), entries[0], entries[-1]):
        browser.open(path, width=width)
        assert browser.overflow() == 0, path


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stand_out_from_their_paper(browser: Browser, boards: Path, dark: bool) -> None:
    """At least 4.5 to 1 (WCAG 2.1, AA) for every text on the board and on a record."""
    board = only(boards)
    for path in (board.site(Issue.OFF_TOPIC), next(board.folder.glob("off_topic/*.html")), boards / "index.html"):
        browser.open(path, dark=dark)
        assert browser.ask(CONTRAST) == []


@pytest.fixture(scope="module")
def crowd(boards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a board of 500 lines."""
    root = tmp_path_factory.mktemp("crowd")
    (record, *_) = [each for each in only(boards).records() if each.issue is Issue.OFF_TOPIC]
    records = [_another(record, number) for number in range(500)]
    board = Board.of(root, record)
    files = rendering.issue_files(board, Issue.OFF_TOPIC, records, rendering.Sources())
    path = board.site(Issue.OFF_TOPIC)
    path.parent.mkdir(parents=True)
    path.write_text(files[path])
    return path


def _another(record: Record, number: int) -> Record:
    value = (number * 7919 % 1000) / 1000
    metrics = {name: each.model_copy(update={"value": value}) for name, each in record.metrics.items()}
    return record.model_copy(update={"method": f"method{number}", "metrics": metrics, "encoder": None})


def test_five_hundred_lines_are_sorted_and_filtered_at_once(browser: Browser, crowd: Path) -> None:
    assert crowd.stat().st_size < 800_000
    browser.open(crowd)
    assert len(browser.ask(NAMES)) == 501
    took = "const start = performance.now(); {}; document.body.offsetHeight; return performance.now() - start"
    click = took.format("document.querySelectorAll('#board th button')[arguments[0]].click()")
    # Beside the least that any sorting does: all rows are put in again, and laid out.
    again = took.format("const body = document.querySelector('#board tbody'); body.append(...body.rows)")
    press(browser, "AP")  # once before it counts
    ratios = [browser.ask(click, at) / browser.ask(again, at) for at in (1, 3, 4, 1, 3, 4)]
    assert min(ratios) < 5, ratios
    write(browser, "#filter", "method49")
    assert len(browser.ask(NAMES)) == 12
    assert browser.complaints() == []


CONTRAST = """
const luminance = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const parts = colour => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
};
const paper = element => {
  for (let each = element; each; each = each.parentElement) {
    const colour = parts(getComputedStyle(each).backgroundColor);
    if (colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const text = walker.currentNode.data.trim();
  if (!text || !element.checkVisibility() || element.closest('.skip, script, noscript')) continue;
  const style = getComputedStyle(element);
  const ink = parts(element.closest('svg') ? style.fill : style.color);
  const [a, b] = [luminance(ink), luminance(paper(element))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) faint.push([element.tagName, text, style.color]);
}
return faint.slice(0, 5);
"""
