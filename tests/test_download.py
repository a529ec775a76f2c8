"""``python -m cleanbench.download`` against a server on this machine that fails in every way."""

import csv
import email.utils
import functools
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cleanbench.core import UserError
from cleanbench.download import connections, fetching
from cleanbench.download.fetching import Manners, fetch
from cleanbench.download.items import Item, Outcome, Status
from cleanbench.download.plan import make_plan
from cleanbench.download.report import REPORT, carry_out, summary
from cleanbench.download.requests import get

QUICK = Manners(per_host=8, delay=0.0, retries=2, timeout=0.2, pause=0.01, longest=2.0)


def content(name: str) -> bytes:
    return f"content of {name}, long enough to be cut".encode() * 20


def key(name: str) -> str:
    return hashlib.md5(content(name)).hexdigest()


class _Server(ThreadingHTTPServer):
    """Answers by the first part of a path; counts what it is asked, and how."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.times: list[float] = []
        self.agents: set[str] = set()
        self.now = self.most = 0
        self.lock = threading.Lock()
        self.ends = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: clients hang up on purpose."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.asked[self.path] += 1
            self.server.times.append(time.monotonic())
            self.server.agents.add(self.headers["User-Agent"])
        how, _, name = self.path.strip("/").partition("/")
        getattr(self, how)(name, self.server.asked[self.path])

    def send(self, body: bytes, status: int = 200, length: int | None = -1, **headers: str) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        self.wfile.write(body)

    def good(self, name: str, _: int) -> None:
        self.send(content(name), Content_Type="image/jpeg")

    def lasting(self, name: str, _: int) -> None:
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        time.sleep(0.05)
        with self.server.lock:  # before the answer, which may bring the next request
            self.server.now -= 1
        self.send(content(name))

    def status(self, name: str, _: int) -> None:
        self.send(b"no", int(name))

    def page(self, name: str, _: int) -> None:
        self.send(b"<html>we have moved</html>", Content_Type="text/html")

    def recovers(self, name: str, times: int) -> None:
        self.send(*((b"busy", 503) if times < 3 else (content(name), 200)))

    def seconds(self, name: str, times: int) -> None:
        if times == 1:
            self.send(b"busy", 429, Retry_After="1")
        else:
            self.send(content(name))

    def date(self, name: str, times: int) -> None:
        if times == 1:
            self.send(b"busy", 503, Retry_After=email.utils.formatdate(time.time() + 2, usegmt=True))
        else:
            self.send(content(name))

    def never(self, name: str, _: int) -> None:
        self.send(b"busy", 503, Retry_After="86400")

    def cut(self, name: str, times: int) -> None:
        whole = content(name)
        self.send(whole if times == 2 else whole[:50], length=len(whole))

    def unnoticed(self, name: str, times: int) -> None:
        self.send(content(name)[: None if times == 2 else 50], length=None)

    def chunked(self, name: str, _: int) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        whole = content(name)
        for start in range(0, len(whole), 100):
            part = whole[start : start + 100]
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def unmarked(self, name: str, _: int) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"64\r\n" + content(name)[:50])
        self.close_connection = True

    def moved(self, name: str, _: int) -> None:
        self.send(b"", 301, Location=f"/good/{name}")

    def circle(self, name: str, _: int) -> None:
        self.send(b"", 302, Location=f"/circle/{name}")

    def inside(self, name: str, _: int) -> None:
        self.send(b"", 302, Location=f"file://{name}")

    def silent(self, _name: str, _times: int) -> None:
        time.sleep(0.5)

    def sleeps(self, _name: str, _times: int) -> None:
        self.server.ends.wait(20)

    def drips(self, name: str, _: int) -> None:
        self.send(b"", length=1000)
        for _ in range(30):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def hangs_up(self, _name: str, times: int) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def babbles(self, _name: str, _times: int) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")

    def unended(self, _name: str, _times: int) -> None:
        self.send(b"x" * 9000, length=None)

    def drips_head(self, _name: str, _times: int) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        self.drip()

    def drips_chunk(self, _name: str, _times: int) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
        self.drip()

    def drip(self) -> None:
        for _ in range(30):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def leads(self, name: str, _: int) -> None:
        self.send(b"", 302, Location=urllib.parse.unquote(name, "latin-1").replace(":", "://", 1) + "/x")

    def long(self, _name: str, _times: int) -> None:
        self.send(b"abc", length=None, Content_Length="9" * 5000)

    def again(self, name: str, _: int) -> None:
        self.send(b"busy", 503, Retry_After=urllib.parse.unquote(name))

    def coloured(self, _name: str, _times: int) -> None:
        self.wfile.write(b"HTTP/1.1 404 \x1b[31mNo\r\n\r\n")

    def endless(self, _name: str, _times: int) -> None:
        self.send(b"x" * 9000)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with _Server() as running:
        thread = threading.Thread(target=functools.partial(running.serve_forever, 0.01))
        thread.start()
        yield running
        running.ends.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def one(server: _Server, tmp_path: Path) -> Callable[..., Outcome]:
    """Return a function that fetches one file, asking the server in a given way."""

    def asked(path: str, manners: Manners = QUICK) -> Outcome:
        name = path.partition("/")[2]
        (outcome,) = fetch([Item(key(name), server.url(path), tmp_path / f"{key(name)}.jpg")], manners)
        return outcome

    return asked


@pytest.mark.parametrize(
    ("path", "attempts"),
    [
        ("good/a", 1),
        ("chunked/a", 1),
        ("moved/a", 1),
        ("recovers/a", 3),
        ("cut/a", 2),
        ("unnoticed/a", 2),
    ],
)
def test_what_is_fetched_in_the_end(one: Callable[..., Outcome], tmp_path: Path, path: str, attempts: int) -> None:
    outcome = one(path)
    assert (outcome.status, outcome.attempts, outcome.reason) == (Status.FETCHED, attempts, "")
    assert (tmp_path / f"{key('a')}.jpg").read_bytes() == content("a")


@pytest.mark.parametrize(
    ("path", "status", "attempts", "reason"),
    [
        ("status/404", Status.GONE, 1, "HTTP 404 Not Found"),
        ("status/410", Status.GONE, 1, "HTTP 410"),
        ("status/403", Status.GONE, 1, "HTTP 403"),
        ("status/204", Status.GONE, 1, "HTTP 204"),
        ("status/500", Status.FAILED, 3, "HTTP 500"),
        ("status/429", Status.FAILED, 3, "HTTP 429"),
        ("page/a", Status.CHANGED, 1, "another content: text/html, 26 bytes"),
        ("circle/a", Status.GONE, 1, "infinite loop"),
        ("inside/etc/passwd", Status.GONE, 1, "not allowed"),
        ("unmarked/a", Status.FAILED, 3, "broke off"),
        ("silent/a", Status.FAILED, 3, "no answer in time"),
        ("drips/a", Status.FAILED, 3, "too slow"),
        ("hangs_up/a", Status.FAILED, 3, "closed connection"),
        ("babbles/a", Status.FAILED, 3, "SSH-2.0"),
        ("never/a", Status.FAILED, 1, "asks to come back in 86,400 seconds"),
        ("endless/a", Status.CHANGED, 1, "larger than"),
        ("unended/a", Status.CHANGED, 1, "larger than"),
        ("drips_head/a", Status.FAILED, 3, "too slow"),
        ("drips_chunk/a", Status.FAILED, 3, "too slow"),
        ("leads/http:%5B::1", Status.GONE, 1, "no proper address"),
        (f"leads/http:{'a' * 70}.com", Status.GONE, 1, "no proper address"),
        ("leads/http:a..b.com", Status.GONE, 1, "no proper address"),
        ("leads/http:%E9%FF.com", Status.GONE, 1, "no proper address"),
        ("leads/ftp:127.0.0.1", Status.GONE, 1, "ftp://127.0.0.1/x, which is not in the web"),
        ("long/a", Status.CHANGED, 2, "another content"),
        ("again/Fri, 31 Dec 99999999999999999999 23:59:59 GMT", Status.FAILED, 3, "HTTP 503"),
        ("again/Fri, 31 Dec 2026 23:59:59 +999999999999999999", Status.FAILED, 3, "HTTP 503"),
        ("again/Mon, 01 Jan 0001 00:00:00 +2359", Status.FAILED, 3, "HTTP 503"),
        ("coloured/a", Status.GONE, 1, "HTTP 404 �[31mNo"),
    ],
)
def test_what_is_not(
    one: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    status: Status,
    attempts: int,
    reason: str,
) -> None:
    monkeypatch.setattr(connections, "LARGEST", 8000)
    outcome = one(path)
    assert (outcome.status, outcome.attempts) == (status, attempts)
    assert reason in outcome.reason
    assert not [each for each in tmp_path.iterdir() if each.is_file()]


def test_a_server_that_hangs_up_was_reached(one: Callable[..., Outcome]) -> None:
    assert all(one(path).reached for path in ("hangs_up/a", "babbles/a", "leads/ftp:x"))


@pytest.mark.parametrize(("path", "least"), [("seconds/a", 1.0), ("date/a", 0.8)])
def test_retry_after_is_honoured(one: Callable[..., Outcome], server: _Server, path: str, least: float) -> None:
    outcome = one(path, Manners(retries=1, delay=0, pause=0.01))
    assert (outcome.status, outcome.attempts) == (Status.FETCHED, 2)
    assert server.times[1] - server.times[0] >= least


def test_the_whole_server_rests_when_it_asks_one_worker_to_wait(server: _Server, tmp_path: Path) -> None:
    paths = ["seconds/a", *(f"good/{number}" for number in range(5))]
    items = [Item(key(p.split("/")[1]), server.url(p), tmp_path / p.split("/")[1]) for p in paths]
    outcomes = list(fetch(items, Manners(per_host=1, delay=0, pause=0.01)))
    assert all(outcome.status is Status.FETCHED for outcome in outcomes)
    assert server.times[1] - server.times[0] >= 1


def test_manners(server: _Server, tmp_path: Path) -> None:
    names = [str(number) for number in range(12)]
    items = [Item(key(name), server.url(f"lasting/{name}"), tmp_path / name) for name in names]
    list(fetch(items, Manners(per_host=3, delay=0.0)))
    assert server.most == 3
    server.times.clear()
    list(fetch([Item(key(n), server.url(f"good/{n}"), tmp_path / n) for n in names[:6]], Manners(delay=0.05)))
    gaps = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    assert sum(gaps) >= 5 * 0.05 * 0.9  # threads start late now and then, never early
    assert {agent.partition("/")[0] for agent in server.agents} == {"cleanbench"}


def test_a_server_that_is_not_there_is_left_alone(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    items = [
        Item(f"{number:032x}", f"http://127.0.0.1:{port}/{number}", tmp_path / str(number)) for number in range(50)
    ]
    outcomes = list(fetch(items, Manners(per_host=2, delay=0, pause=0.01, retries=4)))
    assert sum(outcome.attempts for outcome in outcomes) < 10
    assert all(outcome.status.may_pass for outcome in outcomes)
    assert any("does not answer" in outcome.reason for outcome in outcomes)


def test_refusals_are_answers(server: _Server, tmp_path: Path) -> None:
    items = [Item(f"{number:032x}", server.url("status/404"), tmp_path / "x") for number in range(20)]
    outcomes = list(fetch(items, QUICK))
    assert {outcome.status for outcome in outcomes} == {Status.GONE}


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "ftp://a/b.jpg", "www.a.org/b.jpg", "http://a:b/", "http://[", "https:///x"]
)
def test_what_is_no_address_is_not_asked(tmp_path: Path, url: str) -> None:
    (outcome,) = fetch([Item("0" * 32, url, tmp_path / "x")], QUICK)
    assert (outcome.status, outcome.attempts) == (Status.NO_ADDRESS, 0)


def table(root: Path, server: _Server, *paths: str) -> Path:
    """Write a table of images; the id is the sum of what the name at the end of the path should give."""
    root.mkdir(exist_ok=True)
    path = root / "fitzpatrick17k.csv"
    lines = [f"{key(each.rpartition('/')[2])},{server.url(each) if '/' in each else ''}" for each in paths]
    path.write_text("\n".join(["md5hash,url", *lines]) + "\n")
    return path


def download(root: Path, **settings: Any) -> list[Outcome]:
    plan = make_plan("fitzpatrick17k", root, None, QUICK)
    return carry_out(plan, root, QUICK, settings.get("limit"))


def report(root: Path) -> list[list[str]]:
    with (root / REPORT).open(newline="") as stream:
        return list(csv.reader(stream))


def test_a_second_call_asks_only_for_what_is_missing(server: _Server, tmp_path: Path) -> None:
    root = tmp_path / "set"
    table(root, server, "good/a", "good/b", "recovers/c", "status/404", "d")
    (root / "mine").mkdir()
    (root / "mine" / f"{key('a')}.jpeg").write_bytes(content("a"))
    outcomes = {outcome.item.key: outcome.status for outcome in download(root, limit=1)}
    assert [outcomes[key(n)] for n in "abc"] == [Status.PRESENT, Status.FETCHED, Status.NOT_TRIED]
    assert (root / "images" / f"{key('b')}.jpg").read_bytes() == content("b")
    assert [row[2] for row in report(root)] == ["status", "not tried", "not tried", "not tried"]
    outcomes = {outcome.item.key: outcome.status for outcome in download(root)}
    assert [outcomes[key(n)] for n in "abc"] == [Status.PRESENT, Status.PRESENT, Status.FETCHED]
    assert server.asked["/good/a"] == 0
    assert server.asked["/good/b"] == 1
    rows = {row[0]: row[1:] for row in report(root)}
    assert rows[key("404")] == [server.url("status/404"), "gone", "1", "HTTP 404 Not Found"]
    assert rows[key("d")][1:] == ["no address", "0", "no address is known"]
    told = summary(download(root), root)
    assert "3 of 5 images are there with the right content: 0 fetched now, 3 before" in told
    assert "the others: 1 gone, 1 no address" in told
    assert not list(root.rglob("*.part"))


def test_a_wrong_file_is_replaced_by_the_right_one_only(server: _Server, tmp_path: Path) -> None:
    root = tmp_path / "set"
    table(root, server, "good/a", "page/b")
    (root / "mine").mkdir()
    for name in "ab":
        (root / "mine" / f"{key(name)}.jpg").write_bytes(b"half an ima")
    statuses = {outcome.item.key: outcome.status for outcome in download(root)}
    assert statuses == {key("a"): Status.FETCHED, key("b"): Status.CHANGED}
    assert (root / "mine" / f"{key('a')}.jpg").read_bytes() == content("a")
    assert (root / "mine" / f"{key('b')}.jpg").read_bytes() == b"half an ima"
    assert "a file with another content lies at" in report(root)[1][4]
    assert not list((root / "images").iterdir())


def test_what_goes_wrong_with_one_file_leaves_the_others(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(url: str, *rest: Any) -> Any:
        if url.endswith("/b"):
            raise RecursionError("a fault\x1b of ours")
        return get(url, *rest)

    monkeypatch.setattr(fetching, "get", wrong)
    root = tmp_path / "set"
    table(root, server, "good/a", "good/b", "good/c")
    assert sorted(outcome.status for outcome in download(root)) == [Status.FAILED, Status.FETCHED, Status.FETCHED]
    assert report(root)[1][2:] == ["failed", "1", "RecursionError: a fault� of ours"]


def test_other_addresses_of_an_image_are_told(server: _Server, tmp_path: Path) -> None:
    root = tmp_path / "set"
    path = table(root, server, "status/404")
    path.write_text(path.read_text() + f"{key('404')},{server.url('good/404')}\n")
    download(root)
    assert f"not asked: {server.url('good/404')}" in report(root)[1][4]


def test_parts_of_killed_processes_are_removed(server: _Server, tmp_path: Path) -> None:
    root = tmp_path / "set"
    table(root, server, "status/404")
    (root / "images").mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = root / "images" / f".{key('a')}.jpg.{ended.pid}.part"
    others = [root / "images" / name for name in (f".{key('a')}.jpg.{os.getppid()}.part", ".mine.part")]
    for path in (left, *others):
        path.write_bytes(b"half")
    download(root)
    assert not left.exists()
    assert all(path.exists() for path in others)


def test_a_full_disk_ends_it(server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "set"
    table(root, server, *(f"good/{number}" for number in range(20)))

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="No space left on device"):
        download(root)
    assert len(report(root)) == 21


def test_a_table_is_fetched_if_it_is_not_there(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanbench.download import plan

    monkeypatch.setitem(plan.TABLES, "fitzpatrick17k", ("fitzpatrick17k.csv", server.url("page/x")))
    with pytest.raises(UserError, match="something else than a table"):
        download(tmp_path)
    monkeypatch.setitem(plan.TABLES, "fitzpatrick17k", ("fitzpatrick17k.csv", server.url("status/404")))
    with pytest.raises(UserError, match=r"cannot be fetched \(HTTP 404.*table=PATH"):
        download(tmp_path)

    def csv_table(self: _Handler, name: str, times: int) -> None:
        self.send(f"md5hash,url\n{key('a')},{self.server.url('good/a')}\n".encode())

    monkeypatch.setattr(_Handler, "csv_table", csv_table, raising=False)
    monkeypatch.setitem(plan.TABLES, "fitzpatrick17k", ("fitzpatrick17k.csv", server.url("csv_table/x")))
    (outcome,) = download(tmp_path)
    assert outcome.status is Status.FETCHED


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        (["md5hash", "0" * 32], "no column 'url'"),
        (["md5hash,url"], "no rows"),
        (["md5hash,url", "../../etc/passwd,http://a/b"], "line 2: '../../etc/passwd' is no MD5 sum"),
    ],
)
def test_wrong_tables(tmp_path: Path, lines: list[str], part: str) -> None:
    (tmp_path / "fitzpatrick17k.csv").write_text("\n".join(lines))
    with pytest.raises(UserError, match=part.replace(".", "[.]")):
        download(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"per_host": 0},
        {"per_host": 10**9},
        {"delay": -1},
        {"delay": 1e300},
        {"retries": -1},
        {"retries": 10**6},
        {"timeout": 0},
        {"timeout": 1e308},
        {"timeout": float("nan")},
    ],
)
def test_wrong_manners(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        Manners(**settings)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "cleanbench.download", *words]


def test_the_command(server: _Server, tmp_path: Path) -> None:
    root = tmp_path / "set"
    table(root, server, "good/a", "status/404")
    words = [f"root={root}", "delay=0", "retries=0"]
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 images are there" in done.stdout
    table(root, server, "good/a", "status/500")
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "1 of these may still be had: run the same command again. Reasons: " in done.stdout
    assert (
        "The exit code is 0 if nothing is left"
        in subprocess.run(command("--help"), capture_output=True, text=True, check=False).stdout
    )


def test_without_network_it_is_told_what_to_put_where(tmp_path: Path) -> None:
    address = "http://nowhere.invalid/a.jpg"  # a name that never resolves
    (tmp_path / "fitzpatrick17k.csv").write_text(f"md5hash,url\n{'0' * 32},{address}\n")
    started = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(command(f"root={tmp_path}"), capture_output=True, text=True, check=False, env=environment)
    assert time.monotonic() - started < 30
    assert done.returncode == 2
    assert f"put the images to {tmp_path / 'images'} yourself, named <md5hash>.jpg" in done.stderr


def test_ctrl_c_ends_it_and_what_is_there_stays(server: _Server, tmp_path: Path) -> None:
    root = tmp_path / "set"
    table(root, server, *(f"lasting/{number}" for number in range(200)))
    running = subprocess.Popen(command(f"root={root}", "delay=0.02"), stderr=subprocess.PIPE, text=True)
    ends = time.monotonic() + 30
    while not list(root.glob("images/*.jpg")) and time.monotonic() < ends:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    there = list(root.glob("images/*"))
    assert 0 < len(there) < 200
    assert all(hashlib.md5(path.read_bytes()).hexdigest() == path.stem for path in there)
    assert len(report(root)) + len(there) == 201


def test_ctrl_c_ends_at_once_while_servers_keep_silent(server: _Server, tmp_path: Path) -> None:
    root = tmp_path / "set"
    table(root, server, *(f"sleeps/{number}" for number in range(6)))
    words = command(f"root={root}", "delay=0", "timeout=30")
    running = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    ends = time.monotonic() + 30
    while server.now < 4 and time.monotonic() < ends:
        time.sleep(0.02)
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert time.monotonic() - began < 4
    assert running.returncode == 130
    assert "Traceback" not in said
    assert sorted(row[2] for row in report(root)[1:]) == ["failed"] * 4 + ["not tried"] * 2
