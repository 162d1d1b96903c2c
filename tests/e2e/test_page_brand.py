"""The page as a packer wants it, before the real server: name, logo, colour, words, and a lock."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.asking import wait_for_answer
from e2e.conftest import Watched
from e2e.speaking import WEB, SpeakingSession
from llamapack_runtime.api.service import AnswerDefaults, Service
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.pack.brand import Brand
from llamapack_runtime.pack.logo import Logo
from runtime.api.served import ABOUT, Server, serving

pytestmark = pytest.mark.slow

LOGO = Logo(
    "image/svg+xml",
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
    b'<rect width="40" height="40" rx="8" fill="#ffd400"/><path d="M10 28 20 8l10 20z"/></svg>',
)
GARDEN = Brand(
    title="Garden Helper",
    color="#ffd400",
    logo="brand/logo.svg",
    welcome="Welcome to the **Garden Helper**!",
    prompts=("When do I sow tomatoes?", "My basil has black spots."),
    disclaimer="For advice only.",
    about="Made by the *Garden Club*.",
    description="Answers what grows when.",
    author="Rosa Green",
    is_system_prompt_locked=True,
)
# The colours of text and of its ground, where both are of one element.
CONTRASTS = """() => {
  const shade = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [shade(a), shade(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const look = (selector) => getComputedStyle(document.querySelector(selector));
  const paper = look("body").backgroundColor;
  const [send, mine, link] = [look("#send"), look(".message.user .body"), look(".prose a")];
  return {
    send: contrast(send.color, send.backgroundColor),
    mine: contrast(mine.color, mine.backgroundColor),
    link: contrast(link.color, paper),
  };
}"""

Open = Callable[..., Page]


@contextmanager
def branded(folder: Path, brand: Brand, logo: Logo | None) -> Iterator[Server]:
    about = replace(ABOUT, brand=brand, logo=logo)
    service = Service(about, AnswerDefaults(SamplingParams()), lambda: None, "c0ffee" * 8)
    service.data_folder = folder
    answer = ["See [this](https://example.com)."]
    with serving(service, SpeakingSession(lambda _: answer), WEB) as server:
        yield server


@pytest.fixture
def open_page(watched: Watched, tmp_path: Path) -> Iterator[Open]:
    """The page of a program with that brand. A console error or CSP violation fails."""
    with ExitStack() as programs:

        def start(brand: Brand, logo: Logo | None = None) -> Page:
            server = programs.enter_context(branded(tmp_path, brand, logo))
            watched.page.goto(server.url)
            expect(watched.page.locator("#welcome")).to_be_visible()
            return watched.page

        yield start
        assert watched.complaints == []
        watched.page.goto("about:blank")


def test_the_packers_words_are_there_instead_of_ours(
    open_page: Open, screenshot: Callable[[Page, str], None]
) -> None:
    page = open_page(GARDEN, LOGO)
    expect(page).to_have_title("Garden Helper")
    expect(page.locator("#brand-name")).to_have_text("Garden Helper")
    expect(page.locator("#welcome-brand strong")).to_have_text("Garden Helper")
    expect(page.locator("#welcome-text")).to_be_hidden()
    expect(page.locator("#suggestions button")).to_have_text(list(GARDEN.prompts))
    expect(page.get_by_text("For advice only.")).to_be_in_viewport()
    expect(page.get_by_role("img", name="Garden Helper")).to_be_visible()
    expect(page.locator("#brand-logo")).to_be_visible()
    screenshot(page, "brand")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#about-brand em")).to_have_text("Garden Club")
    expect(page.locator("#about-title")).to_have_text("Garden Helper")
    expect(page.locator("#about-facts")).to_contain_text("Answers what grows when.")
    expect(page.locator("#about-facts")).to_contain_text("Made byRosa Green")


def test_a_suggestion_is_asked_as_it_stands(open_page: Open) -> None:
    page = open_page(GARDEN, LOGO)
    page.get_by_role("button", name="My basil has black spots.").click()
    wait_for_answer(page)
    expect(page.locator(".message.user .body")).to_have_text("My basil has black spots.")
    expect(page.get_by_text("For advice only.")).to_be_in_viewport()
    expect(page).to_have_title("My basil has black spots. · Garden Helper")


def test_a_locked_prompt_leaves_no_field_for_instructions(open_page: Open) -> None:
    page = open_page(GARDEN, LOGO)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("cannot be changed here")).to_be_visible()
    expect(page.get_by_label("Your instructions")).to_be_hidden()
    expect(page.get_by_role("radio", name="Precise")).to_be_visible()


def test_without_a_brand_nothing_of_it_is_shown(open_page: Open) -> None:
    page = open_page(Brand())
    expect(page).to_have_title("Test pack")
    expect(page.locator("#suggestions button")).to_have_count(4)
    for name in ("#brand-logo", "#welcome-logo", "#welcome-brand", "#disclaimer"):
        expect(page.locator(name)).to_be_hidden()
    assert page.evaluate("() => document.documentElement.getAttribute('style')") is None
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("Your instructions")).to_be_visible()
    expect(page.get_by_text("cannot be changed here")).to_be_hidden()


def test_a_single_language_is_fixed(open_page: Open) -> None:
    page = open_page(Brand(languages=("zh",)))
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.get_by_role("button", name="设置").click()
    page.get_by_role("tab", name="外观").click()
    expect(page.locator("input[name=theme]").first).to_be_visible()
    expect(page.get_by_text("English", exact=True)).to_be_hidden()


@pytest.mark.parametrize(("asked", "shown"), [("fr-FR", "zh"), ("en-GB", "en")])
def test_the_first_language_is_for_who_asks_for_none(
    open_page: Open, watched: Watched, asked: str, shown: str
) -> None:
    wish = f"Object.defineProperty(navigator, 'languages', {{ value: ['{asked}'] }})"
    watched.page.add_init_script(wish)
    page = open_page(Brand(languages=("zh", "en")))
    expect(page.locator("html")).to_have_attribute("lang", shown)
    page.locator("#settings-open").click()
    page.locator("#tab-looks").click()
    page.get_by_text("English", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("color", ["#ffd400", "#0b1f4b", "#ffffff", "#000000", "#e2574c"])
def test_any_colour_leaves_text_readable(open_page: Open, color: str, theme: str) -> None:
    page = open_page(replace(GARDEN, color=color), LOGO)
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.locator("#suggestions button").first.click()
    wait_for_answer(page)
    expect(page.locator(".message.assistant .prose a")).to_be_visible()
    page.get_by_label("Your message", exact=True).fill("More.")
    expect(page.locator("#send")).to_be_enabled()
    page.emulate_media(reduced_motion="reduce")
    for where, contrast in page.evaluate(CONTRASTS).items():
        assert contrast >= 4.5, (where, contrast)


def test_the_colour_follows_the_theme(open_page: Open) -> None:
    page = open_page(replace(GARDEN, color="#0b1f4b"))
    accent = "() => getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
    assert page.evaluate(accent) == "#0b1f4b"
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(accent) != "#0b1f4b"
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.evaluate(accent) == "#0b1f4b"


def test_a_logo_that_is_no_picture_is_not_shown(open_page: Open) -> None:
    page = open_page(GARDEN, Logo("image/png", b"no picture"))
    expect(page.locator("#brand-name")).to_have_text("Garden Helper")
    expect(page.locator("#welcome-logo")).to_be_hidden()
    expect(page.locator("#brand-logo")).to_be_hidden()


def test_the_packers_words_are_not_trusted_either(open_page: Open) -> None:
    hostile = '<img src=x onerror="window.ran=1"> [click](javascript:window.ran=2) <b>bold</b>'
    brand = Brand(title=hostile[:60], welcome=hostile, prompts=(hostile,), disclaimer=hostile)
    page = open_page(replace(brand, about=hostile))
    expect(page.locator("#welcome-brand b")).to_have_text("bold")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="About").click()
    assert page.evaluate("() => window.ran") is None
    assert page.locator('[onerror], a[href^="javascript"]').count() == 0
    expect(page.locator("#disclaimer")).to_have_text(hostile)


def test_a_long_brand_fits_a_phone(
    open_page: Open, screenshot: Callable[[Page, str], None]
) -> None:
    long = replace(GARDEN, title="A garden " * 8, disclaimer="Ask an expert first. " * 20)
    page = open_page(long, LOGO)
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_function("() => document.documentElement.scrollWidth === 360")
    expect(page.get_by_label("Your message", exact=True)).to_be_in_viewport()
    expect(page.locator("#disclaimer")).to_be_in_viewport()
    screenshot(page, "brand-phone")
