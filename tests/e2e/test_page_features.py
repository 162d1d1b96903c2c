"""Settings, snippets, a failed start and leaving: the page before the real server."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from e2e.conftest import Watched
from e2e.speaking import WEB, SpeakingSession
from llamapack_runtime.api.service import AnswerDefaults, LoadFailed, Service
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import EngineStats
from llamapack_runtime.errors import FailureCode
from runtime.api.served import ABOUT, Server, serving

pytestmark = pytest.mark.slow

SETTINGS = "llamapack/settings"
REPORT = "llamapack 1.2.3\nLinux, 2 cores\n"
CLOSED_S = 60.0  # after the last page was closed; the program itself waits 15 s for another one
FAILURES: dict[FailureCode, tuple[str, str]] = {
    "memory": ("There is not enough memory for the model", "Close other programs"),
    "cpu": ("This computer’s processor cannot run the model", "Use another computer"),  # noqa: RUF001 - as the page has it
    "file": ("The model’s file cannot be used", "Download or copy the file once more"),  # noqa: RUF001 - as the page has it
    "other": ("The model cannot run", "Quit, then open the program again"),
}


class IdleSession(SpeakingSession):
    """Says that nothing is going on."""

    def stats(self) -> EngineStats:
        return EngineStats()


@pytest.fixture
def ended() -> threading.Event:
    """Set when the program was asked to end."""
    return threading.Event()


@pytest.fixture
def service(tmp_path: Path, ended: threading.Event) -> Service:
    defaults, token = AnswerDefaults(SamplingParams()), "c0ffee" * 8
    made = Service(ABOUT, defaults, ended.set, token, tmp_path, quits_when_closed=True)
    made.report = lambda: REPORT
    return made


@pytest.fixture
def server(service: Service) -> Iterator[Server]:
    with serving(service, IdleSession(lambda _: ["Hello."]), WEB) as served:
        yield served


@pytest.fixture
def tab(watched: Watched, server: Server) -> Iterator[Page]:
    """The page, ready. A console error or CSP violation fails."""
    watched.page.goto(server.url)
    expect(watched.page.locator("#welcome")).to_be_visible()
    yield watched.page
    assert watched.complaints == []
    watched.page.goto("about:blank")


def open_settings(page: Page, tab: str = "Answers") -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name=tab).click()


def open_advanced(page: Page) -> None:
    open_settings(page)
    page.get_by_text("Advanced", exact=True).click()
    expect(page.get_by_label("Temperature")).to_be_visible()


def sampling(page: Page, server: Server) -> dict[str, object]:
    found: dict[str, object] = page.request.get(server.url + SETTINGS).json()["sampling"]
    return found


def test_values_are_as_the_preset_until_they_are_set(tab: Page, server: Server) -> None:
    open_advanced(tab)
    fields = tab.locator("#advanced-fields input")
    expect(fields).to_have_count(6)
    for field in fields.all():
        expect(field).to_have_value("")
        expect(field).to_have_attribute("placeholder", "as preset")
    expect(tab.get_by_role("button", name="All as the preset")).to_be_disabled()
    tab.get_by_label("Temperature").fill("0,5")
    expect(tab.get_by_text("Saved.")).to_be_visible()
    tab.get_by_label("Longest answer").fill("200")
    tab.keyboard.press("Escape")
    expect(tab.locator("#settings")).to_be_hidden()
    tab.reload()
    open_settings(tab)
    expect(tab.get_by_label("Temperature")).to_have_value("0.5")
    expect(tab.get_by_label("Longest answer")).to_have_value("200")
    assert sampling(tab, server) == {"temperature": 0.5, "max_tokens": 200}


def test_a_wrong_value_is_explained_and_not_saved(tab: Page, server: Server) -> None:
    open_advanced(tab)
    field = tab.get_by_label("Temperature")
    field.press_sequentially("3")
    problem = tab.get_by_text("Write a number from 0 to 2.")
    expect(problem).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    assert problem.get_attribute("id") in described
    field.blur()
    tab.get_by_label("Top-k").fill("1.5")
    expect(tab.get_by_text("Write a whole number from 0 to 1,000")).to_be_visible()
    tab.get_by_label("Repetition penalty").fill("0")
    expect(tab.get_by_text("Write a number above 0, 2 at most.")).to_be_visible()
    tab.get_by_label("Min-p").fill("0.1")
    expect(tab.get_by_text("Saved.")).to_be_visible()
    assert sampling(tab, server) == {"min_p": 0.1}
    field.fill("2")
    expect(problem).to_be_hidden()
    expect(field).to_have_attribute("aria-invalid", "false")


def test_all_values_go_back_to_the_preset(tab: Page, server: Server) -> None:
    tab.request.patch(server.url + SETTINGS, data={"sampling": {"top_k": 5, "temperature": 1}})
    open_settings(tab)
    expect(tab.get_by_label("Top-k")).to_have_value("5")
    tab.get_by_label("Top-p").fill("7")
    tab.get_by_role("button", name="All as the preset").click()
    expect(tab.get_by_text("Saved.")).to_be_visible()
    for name in ("Top-k", "Top-p", "Temperature"):
        expect(tab.get_by_label(name)).to_have_value("")
    assert sampling(tab, server) == {}


def test_what_another_tab_changes_is_shown_but_not_over_what_is_typed(
    tab: Page, server: Server
) -> None:
    open_advanced(tab)
    expect(tab.get_by_role("radio", name="Balanced")).to_be_checked()
    tab.get_by_label("Top-k").fill("nonsense")
    change = {"preset": "creative", "thinking": True, "instructions": "Be brief."}
    values = {"top_k": 9, "temperature": 0.25}
    tab.request.patch(server.url + SETTINGS, data={**change, "sampling": values})
    expect(tab.get_by_role("radio", name="Creative")).to_be_checked()
    expect(tab.get_by_role("radio", name="Always")).to_be_checked()
    expect(tab.get_by_label("Your instructions")).to_have_value("Be brief.")
    expect(tab.get_by_label("Temperature")).to_have_value("0.25")
    expect(tab.get_by_label("Top-k")).to_have_value("nonsense")


def test_advanced_is_reached_and_used_by_keyboard(tab: Page, server: Server) -> None:
    open_settings(tab)
    tab.get_by_label("Your instructions").focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    expect(tab.get_by_label("Temperature")).to_be_visible()
    tab.keyboard.press("Tab")
    expect(tab.get_by_label("Temperature")).to_be_focused()
    tab.keyboard.type("0.1")
    tab.keyboard.press("Tab")
    expect(tab.get_by_label("Top-k")).to_be_focused()
    expect(tab.get_by_text("Saved.")).to_be_visible()
    assert sampling(tab, server) == {"temperature": 0.1}


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_settings_fit_a_phone(tab: Page, direction: str) -> None:
    tab.set_viewport_size({"width": 360, "height": 740})
    tab.get_by_role("button", name="Show chats").click()
    tab.evaluate("(direction) => (document.documentElement.dir = direction)", direction)
    open_advanced(tab)
    wide = "(e) => e.scrollWidth > e.clientWidth + 1"
    assert not tab.locator("#panel-answers").evaluate(wide)
    tab.get_by_role("tab", name="About").click()
    tab.get_by_text("For developers").click()
    expect(tab.locator("#developers .code")).to_have_count(3)
    assert not tab.locator("#panel-about").evaluate(wide)


def run_snippet(page: Page, language: str, command: list[str]) -> str:
    block = page.locator("#developers .code").filter(has=page.get_by_text(language, exact=True))
    text = block.locator("code").inner_text()
    done = subprocess.run(
        [*command, text], capture_output=True, text=True, timeout=60, check=True, env=None
    )
    return done.stdout


def test_snippets_ask_the_program_that_shows_them(tab: Page, server: Server) -> None:
    open_settings(tab, "About")
    tab.get_by_text("For developers").click()
    expect(tab.locator(".api-base code")).to_have_text(f"{server.url}v1")
    if shutil.which("curl"):
        assert '"content":"Hello."' in run_snippet(tab, "curl", ["sh", "-c"])
    if shutil.which("node"):
        script = ["node", "--input-type=module", "--eval"]
        assert run_snippet(tab, "JavaScript", script) == "Hello.\n"
    python = tab.locator("#developers .code").nth(1).locator("code").inner_text()
    compile(python, "snippet", "exec")
    assert f'base_url="{server.url}v1"' in python
    assert 'model="test-model"' in python
    docs = tab.get_by_role("link", name="All routes")
    assert tab.request.get(server.url + (docs.get_attribute("href") or "")).ok


def test_where_a_key_is_needed_snippets_show_its_place(tab: Page, watched: Watched) -> None:
    tab.route("**/v1/models", lambda route: route.fulfill(status=401))
    open_settings(tab, "About")
    tab.get_by_text("For developers").click()
    expect(tab.get_by_text("put yours in place of YOUR_KEY")).to_be_visible()
    for block in tab.locator("#developers .code code").all():
        expect(block).to_contain_text("YOUR_KEY")
    watched.forget_refusals()


def test_a_snippet_can_be_copied(tab: Page) -> None:
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_settings(tab, "About")
    tab.get_by_text("For developers").click()
    tab.locator("#developers .code").nth(1).get_by_role("button", name="Copy").click()
    expect(tab.locator("#developers").get_by_text("Copied")).to_be_visible()
    assert tab.evaluate("() => navigator.clipboard.readText()").startswith("from openai import")


@pytest.mark.parametrize("is_failed", [False, True])
def test_the_report_is_copied(
    watched: Watched, server: Server, service: Service, *, is_failed: bool
) -> None:
    page = watched.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if is_failed:
        service.state = LoadFailed("It needs more.", "memory")
    page.goto(server.url)
    if not is_failed:
        open_settings(page, "About")
    page.get_by_role("button", name="Copy report").locator("visible=true").click()
    expect(page.get_by_text("The report is copied.")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == REPORT


def test_a_report_that_may_not_be_copied_is_shown_selected(tab: Page) -> None:
    tab.evaluate("""() => {
      const refusal = new DOMException("no", "NotAllowedError");
      navigator.clipboard.writeText = () => Promise.reject(refusal);
      document.execCommand = () => false;
    }""")
    open_settings(tab, "About")
    tab.get_by_role("button", name="Copy report").locator("visible=true").click()
    field = tab.get_by_role("textbox", name="Diagnostic report")
    expect(field).to_have_value(REPORT)
    expect(field).to_be_focused()
    chosen = "(field) => field.value.slice(field.selectionStart, field.selectionEnd)"
    assert field.evaluate(chosen) == REPORT
    tab.get_by_role("dialog", name="Diagnostic report").get_by_role("button", name="Close").click()
    expect(field).to_be_hidden()
    expect(tab.locator("#settings")).to_be_visible()


def test_a_report_that_cannot_be_had_says_why(watched: Watched, server: Server) -> None:
    page = watched.page
    page.goto(server.url)
    expect(page.locator("#welcome")).to_be_visible()
    page.route("**/llamapack/report", lambda route: route.abort("connectionrefused"))
    open_settings(page, "About")
    page.get_by_role("button", name="Copy report").locator("visible=true").click()
    expect(page.get_by_text("The report could not be fetched.")).to_be_visible()


@pytest.mark.parametrize("code", FAILURES)
def test_a_failed_start_names_its_kind_and_the_next_step(
    watched: Watched, server: Server, service: Service, code: FailureCode
) -> None:
    service.state = LoadFailed("It needs 9.1 GiB, but 6.0 GiB is free.", code)
    page = watched.page
    page.goto(server.url)
    heading, step = FAILURES[code]
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_text("It needs 9.1 GiB, but 6.0 GiB is free.")).to_be_visible()
    expect(page.get_by_text(step)).to_be_visible()
    expect(page.locator("#failed").get_by_role("button", name="Quit")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    assert watched.complaints == []


def test_a_failed_start_is_explained_in_chinese_too(
    watched: Watched, server: Server, service: Service
) -> None:
    service.state = LoadFailed("It needs more.", "memory")
    page = watched.page
    page.add_init_script(
        """Object.defineProperty(navigator, "languages", {get: () => ["zh-CN"]})"""
    )
    page.goto(server.url)
    expect(page.get_by_role("heading", name="内存不足，无法运行模型")).to_be_visible()  # noqa: RUF001 - Chinese


def test_a_passing_trouble_can_be_tried_again(watched: Watched, server: Server) -> None:
    page = watched.page
    answer = {"error": {"message": "Something odd."}}
    page.route("**/health", lambda route: route.fulfill(status=500, json=answer))
    page.goto(server.url)
    expect(page.get_by_text("Something odd.")).to_be_visible()
    expect(page.locator("#failed").get_by_role("button", name="Quit")).to_be_hidden()
    page.unroute("**/health")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#welcome")).to_be_visible()


def test_a_page_whose_modules_are_late_stands_in_its_place_and_loses_no_word(
    watched: Watched, server: Server
) -> None:
    page, held = watched.page, list[Route]()
    page.route("**/js/main.js", lambda route: held.append(route))
    with page.expect_request("**/js/main.js"):
        page.goto(server.url, wait_until="commit")
    before = page.locator("#sidebar").bounding_box()
    assert before is not None
    assert before["x"] == 0
    page.locator("#prompt").fill("Written early")
    held[0].continue_()
    expect(page.get_by_label("Your message", exact=True)).to_have_value("Written early")
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    assert page.locator("#sidebar").bounding_box() == before


def test_what_the_program_remarks_is_told_once_and_kept_in_about(
    watched: Watched, server: Server
) -> None:
    def remark(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"notes": ["A file was set aside."]})

    page = watched.page
    page.route("**/llamapack/info", remark)
    page.goto(server.url)
    told = page.get_by_text("A file was set aside.")
    expect(told).to_be_visible()
    page.reload()
    expect(page.locator("#welcome")).to_be_visible()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="About").click()
    expect(told.locator("visible=true")).to_have_count(1)


def test_a_program_that_is_gone_says_how_to_start_it_again(tab: Page) -> None:
    tab.route("**/health", lambda route: route.abort("connectionrefused"))
    expect(tab.get_by_text("open the same file again")).to_be_visible()


def hide(page: Page, name: str, *, is_kept: bool) -> None:
    """What a browser tells a page: "pagehide" when it goes, "pageshow" when it comes back."""
    page.evaluate(
        "([name, persisted]) => dispatchEvent(new PageTransitionEvent(name, {persisted}))",
        [name, is_kept],
    )


def test_a_program_ends_when_its_last_page_is_closed_but_not_by_a_reload(
    watched: Watched, server: Server, ended: threading.Event
) -> None:
    page, other = watched.page, watched.page.context.new_page()
    for one in (page, other):
        one.goto(server.url)
        expect(one.locator("#welcome")).to_be_visible()
    page.close(run_before_unload=True)
    other.reload()
    expect(other.locator("#welcome")).to_be_visible()
    other.goto("about:blank")
    assert not ended.is_set()
    assert ended.wait(CLOSED_S)


def test_a_page_that_is_put_aside_leaves_and_listens_again_when_it_comes_back(tab: Page) -> None:
    with tab.expect_request("**/llamapack/leave"):
        hide(tab, "pagehide", is_kept=True)
    with tab.expect_request("**/llamapack/events?*"):
        hide(tab, "pageshow", is_kept=True)
