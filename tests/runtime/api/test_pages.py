"""The program ends when its last page was closed, and for no other reason that looks like it."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.app import build_app
from llamapack_runtime.api.pages import GRACE_S, MAX_PAGES, Pages
from llamapack_runtime.api.proof import instance_proof
from llamapack_runtime.api.service import Service
from llamapack_runtime.keys import ApiKey
from llamapack_runtime.launch.listen import listen, url_of
from llamapack_runtime.launch.server import serve
from runtime.api.clients import KEY, make_client
from runtime.api.conftest import TOKEN
from runtime.api.served import TIMEOUT_S

GUEST = "another-secret"


class Time:
    """Passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def clock(self) -> float:
        return self.now_s

    def later(self, delay_s: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now_s + delay_s, len(self._due), callback))

    def pass_by(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self._due and self._due[0][0] <= end_s:
            self.now_s, _, callback = heapq.heappop(self._due)
            callback()
        self.now_s = end_s


class Life:
    """A program whose pages come and go."""

    def __init__(self, *, quits: bool = True) -> None:
        self.time = Time()
        self.ends = 0
        self.is_busy = False
        self.pages = Pages(
            self._end if quits else None,
            lambda: self.is_busy,
            clock=self.time.clock,
            later=self.time.later,
        )

    def _end(self) -> None:
        self.ends += 1

    def closes(self, page: str) -> None:
        with self.pages.request():
            self.pages.leave(page)

    def ends_after(self, seconds: float) -> bool:
        before = self.ends
        self.time.pass_by(seconds)
        return self.ends > before


@pytest.fixture
def life() -> Life:
    return Life()


def test_it_ends_a_grace_after_the_last_page_was_closed(life: Life) -> None:
    life.pages.come("a")
    life.time.pass_by(1000)
    life.closes("a")
    assert not life.ends_after(GRACE_S - 0.1)
    assert life.ends_after(0.2)
    assert not life.ends_after(1000)


def test_nothing_ends_that_nobody_has_opened(life: Life) -> None:
    life.pages.leave("a")
    assert not life.ends_after(1000)


def test_a_reload_comes_back_in_time(life: Life) -> None:
    life.pages.come("a")
    for page in ("b", "c"):
        life.closes("a" if page == "b" else "b")
        life.time.pass_by(GRACE_S / 2)
        life.pages.come(page)
        assert not life.ends_after(1000)


def test_a_page_from_the_browsers_memory_is_open_again(life: Life) -> None:
    life.pages.come("a")
    life.closes("a")
    life.time.pass_by(1)
    life.pages.come("a")
    assert not life.ends_after(1000)
    life.closes("a")
    assert life.ends_after(GRACE_S + 1)


def test_two_tabs_must_both_be_closed(life: Life) -> None:
    life.pages.come("a")
    life.pages.come("b")
    life.closes("a")
    assert not life.ends_after(1000)
    life.closes("b")
    assert life.ends_after(GRACE_S + 1)


def test_a_page_may_listen_many_times(life: Life) -> None:
    """For another chat, and when its stream was lost."""
    for _ in range(3):
        life.pages.come("a")
    life.closes("a")
    assert life.ends_after(GRACE_S + 1)


def test_it_waits_for_an_answer(life: Life) -> None:
    life.pages.come("a")
    life.is_busy = True
    life.closes("a")
    assert not life.ends_after(600)
    life.is_busy = False
    assert life.ends_after(2)


def test_it_waits_for_requests_and_a_grace_behind_them(life: Life) -> None:
    life.pages.come("a")
    with life.pages.request():
        life.closes("a")
        assert not life.ends_after(600)
    assert not life.ends_after(GRACE_S - 0.1)
    with life.pages.request():
        pass
    assert not life.ends_after(GRACE_S - 0.1)
    assert life.ends_after(2)


def test_a_second_start_keeps_it(life: Life) -> None:
    """However long its browser takes to show the page."""
    life.pages.come("a")
    life.closes("a")
    life.time.pass_by(GRACE_S - 1)
    life.pages.expect()
    assert not life.ends_after(1000)
    life.pages.come("b")
    life.closes("b")
    assert life.ends_after(GRACE_S + 1)


def test_where_it_shall_stay_it_stays() -> None:
    life = Life(quits=False)
    life.pages.come("a")
    life.closes("a")
    assert not life.ends_after(1000)


def test_more_pages_than_can_be_known_keep_it(life: Life) -> None:
    for number in range(MAX_PAGES + 1):
        life.pages.come(str(number))
    for number in range(MAX_PAGES + 1):
        life.closes(str(number))
    assert not life.ends_after(1000)


def test_info_says_whether_it_ends(service: Service, web_root: Path, client: TestClient) -> None:
    assert client.get("/llamapack/info").json()["quits_when_closed"] is False
    service.quits_when_closed = True
    info = make_client(service, web_root).get("/llamapack/info").json()
    assert info["quits_when_closed"] is True


@pytest.mark.parametrize(
    "body", [{}, {"page": ""}, {"page": "a b"}, {"page": "a" * 65}, {"page": 1}]
)
def test_a_name_that_is_none_is_refused(client: TestClient, body: object) -> None:
    assert client.post("/llamapack/leave", json=body).status_code == 400


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, "a\n"])
def test_a_stream_under_such_a_name_is_refused(client: TestClient, name: str) -> None:
    reply = client.get("/llamapack/events", params={"page": name})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "page")


def test_a_program_that_ends_is_not_taken_for_a_running_one(
    client: TestClient, ready: Service
) -> None:
    challenge = {"challenge": "0123456789abcdef"}
    reply = client.get("/llamapack/instance", params=challenge)
    assert reply.json()["proof"] == instance_proof(TOKEN, challenge["challenge"])
    ready.quit()
    assert client.get("/llamapack/instance", params=challenge).status_code == 503


@contextmanager
def program(service: Service, web_root: Path, ended: threading.Event) -> Iterator[httpx.Client]:
    """Serves, and sets `ended` a hundredth of a second after the last page was closed."""
    listener = listen("127.0.0.1", 0)
    pages = Pages(ended.set, lambda: False, grace_s=0.01)
    app = build_app(service, Access(), web_root, pages=pages)
    stopping, started = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=lambda: serve(
            app,
            listener,
            should_stop=stopping.is_set,
            on_start=started.set,
            before_end=service.end,
        )
    )
    thread.start()
    try:
        assert started.wait(TIMEOUT_S)
        with httpx.Client(base_url=url_of(listener), timeout=TIMEOUT_S) as client:
            yield client
    finally:
        stopping.set()
        thread.join(TIMEOUT_S)


def test_a_page_that_listens_and_leaves_ends_the_program(
    ready: Service, web_root: Path, tmp_path: Path
) -> None:
    ready.data_folder = tmp_path / "data"
    ended = threading.Event()
    with (
        program(ready, web_root, ended) as client,
        client.stream("GET", "/llamapack/events", params={"page": "a"}) as stream,
    ):
        assert next(stream.iter_lines()) == "event: hello"
        assert client.post("/llamapack/leave", json={"page": "a"}).status_code == 204
        assert ended.wait(TIMEOUT_S)  # although its stream seems to be open


def test_so_does_one_where_no_chats_can_be_kept(ready: Service, web_root: Path) -> None:
    ended = threading.Event()
    with program(ready, web_root, ended) as client:
        assert client.get("/llamapack/events", params={"page": "a"}).status_code == 501
        client.post("/llamapack/leave", json={"page": "a"})
        assert ended.wait(TIMEOUT_S)


def test_a_page_of_somebody_who_may_not_stop_it_counts_as_open(
    ready: Service, web_root: Path, life: Life
) -> None:
    access = Access("127.0.0.1", (ApiKey("me", KEY), ApiKey("guest", GUEST)))
    app = build_app(ready, access, web_root, pages=life.pages)
    client = TestClient(app, base_url="http://localhost:8080")
    for key, ends in ((GUEST, False), (KEY, True)):
        life.pages.come("a")
        headers = {"Authorization": f"Bearer {key}"}
        client.post("/llamapack/leave", json={"page": "a"}, headers=headers)
        assert life.ends_after(1000) == ends


def test_a_second_start_is_heard(ready: Service, web_root: Path, life: Life) -> None:
    app = build_app(ready, Access(), web_root, pages=life.pages)
    life.pages.come("a")
    life.closes("a")
    client = TestClient(app, base_url="http://localhost:8080")
    client.get("/llamapack/instance", params={"challenge": "0123456789abcdef"})
    assert not life.ends_after(1000)


def test_a_page_of_another_site_cannot_end_it(client: TestClient) -> None:
    foreign = {"Origin": "https://evil.example"}
    assert client.post("/llamapack/leave", json={"page": "a"}, headers=foreign).status_code == 403
