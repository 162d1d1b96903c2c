"""Formulas in answers: drawn by Chromium under the page's strict policy, and harmless."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.conftest import Watched
from e2e.speaking import speaking
from runtime.api.served import Server

pytestmark = pytest.mark.slow

# What is written, and what a reader sees of it: as plain letters, spaces left aside.
FORMULAS = {
    "$E = mc^2$": "E=mc2",
    r"\(\alpha + \beta_1\)": "\N{GREEK SMALL LETTER ALPHA}+β1",
    r"$\frac{a}{b}$": "ab",
    r"$\sqrt[3]{x^2+1}$": "x2+13",
    r"$$\int_0^\infty e^{-x^2}\,dx$$": "∫0∞e\N{MINUS SIGN}x2dx",
    r"\[\sum_{i=1}^{n} i = \frac{n(n+1)}{2}\]": "∑i=1ni=n(n+1)2",
    r"$$\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$$": "(1234)",
    r"$$f = \begin{cases} x & \text{if } x > 0 \\ 0 & \text{else} \end{cases}$$": "f={xifx>00else",
    "$$\n\\begin{aligned}\na &= b \\\\\n+ c &= d\n\\end{aligned}\n$$": "a=b+c=d",
    r"$\vec{v}$": "v→",
    r"$\hat{x}$": "x\N{MODIFIER LETTER CIRCUMFLEX ACCENT}",
    r"$\mathbb{R}^n$": "Rn",
    r"$\lim_{x \to 0} \frac{\sin x}{x}$": "limx→0sinxx",
    r"$\binom{n}{k}$": "(nk)",
    r"$P(A \mid B)$": "P(A|B)",
    r"$\nabla \cdot \mathbf{E} = \frac{\delta}{\varepsilon_0}$": "∇⋅E=δε0",
    r"$\overline{AB} \perp CD$": "AB⟂CD",
    r"$$\left( \frac{1}{1+x} \right]$$": "(11+x]",
    r"$x \in \{1, \dots, n\}$": "x∈{1,...,n}",
    r"$90^\circ \neq \pi$": "90∘≠π",
    r"$\pmb{x} + \textcolor{red}{y}$": "x+y",
}
PLAIN = """(all) => all.map((one) => one.textContent.normalize("NFKC")
  .replace(/[\\s\\u2061-\\u2064]/g, ""))"""
# None of these may define, fetch, link, cover the page, or take for ever: they stay text.
HOSTILE = {
    "link": r"$\href{javascript:window.ran=1}{x}$",
    "address": r"$\url{https://example.com/a}$",
    "picture": r"$\includegraphics{https://example.com/a.png}$",
    "loop": r"$\def\a{\a\a}\a$",
    "command": r"$\newcommand{\a}{\a}\a$",
    "style": r"$\style{position:fixed;inset:0}{x}$",
    "class": r"$\class{goodbye}{x}$",
    "id": r"$\id{composer}{x}$",
    "data": r"$\data{a=b}{x}$",
    "large": r"$\rule{9999em}{9999em}$",
    "away": r"$$\kern-9999em x \raisebox{900em}{y}$$",
    "prototype": r"$\__proto__ \constructor$",
    "deep": "$$" + r"\sqrt{" * 600 + "x" + "}" * 600 + "$$",
    "long": "$$" + "x+" * 50_000 + "$$",
    "wide": "$$" + r"\begin{matrix}" + "a&" * 200 + r"\\" * 100 + r"\end{matrix}$$",
}
INERT = {
    "script": r"$\text{<img src=x onerror=window.ran=2>}$",
    "label": r"$$\label{composer} x \ref{composer}$$",
    "colour": r"$\textcolor{#500ccc}{x}$",
}
RENDER = """async (text) => {
  const { renderMarkdown } = await import("/js/markdown.js");
  const body = document.querySelector("#formulas") ?? document.createElement("div");
  body.id = "formulas";
  body.className = "prose";
  document.querySelector("#messages").append(body);
  renderMarkdown(text, body);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with speaking(tmp_path_factory.mktemp("chats"), lambda _: ["Hello."]) as served:
        yield served


@pytest.fixture
def tab(watched: Watched, server: Server) -> Iterator[Page]:
    """The page. A console error, a CSP violation or a request elsewhere fails."""
    watched.page.goto(server.url)
    expect(watched.page.locator("#welcome")).to_be_visible()
    yield watched.page
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith(server.url)] == []
    assert watched.page.evaluate("() => window.ran") is None


def render(page: Page, text: str) -> None:
    page.evaluate(RENDER, text)


def test_the_library_comes_with_the_first_formula(tab: Page, watched: Watched) -> None:
    render(tab, "No formula, but $5 and $6.")
    assert not any("/temml/" in url for url in watched.requests)
    with tab.expect_response("**/vendor/temml/temml.js"):
        render(tab, "One: $x^2$")
    expect(tab.locator("#formulas math")).to_have_count(1)
    expect(tab.locator("#formulas math msup")).to_be_visible()


def test_formulas_are_drawn(tab: Page) -> None:
    render(tab, "\n\n".join(FORMULAS))
    expect(tab.locator("#formulas math")).to_have_count(len(FORMULAS))
    shown = tab.locator("#formulas math").evaluate_all(PLAIN)
    assert dict(zip(FORMULAS, shown, strict=True)) == FORMULAS
    assert tab.locator("#formulas math > merror").count() == 0


def test_a_fraction_is_higher_than_its_line_and_a_matrix_has_tall_brackets(tab: Page) -> None:
    render(tab, r"$x$ and $$\frac{a}{b}$$ and $$\begin{pmatrix} 1 \\ 2 \\ 3 \end{pmatrix}$$")
    expect(tab.locator("#formulas math")).to_have_count(3)
    heights = tab.locator("#formulas math").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert heights[0] < heights[1] < heights[2]


def test_code_and_money_have_no_formulas(tab: Page) -> None:
    text = "It costs $5 and $6; `$x$`.\n\n```latex\n\\[x\\]\n```\n"
    render(tab, f"{text}\n$y$")
    expect(tab.locator("#formulas math")).to_have_count(1)
    expect(tab.locator("#formulas p").first).to_have_text("It costs $5 and $6; $x$.")
    expect(tab.locator("#formulas pre")).to_have_text("\\[x\\]")


def facts(page: Page) -> dict[str, Any]:
    """What a formula could do to the page around it."""
    found: dict[str, Any] = page.locator("#formulas").evaluate(
        """(body) => ({
          active: body.querySelectorAll("[id], [href], [src], [style*=url], a, img, script").length,
          width: document.documentElement.scrollWidth <= innerWidth,
          height: body.getBoundingClientRect().height <= innerHeight,
          math: body.querySelectorAll("math").length,
        })"""
    )
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tex_stays_text(tab: Page, name: str) -> None:
    render(tab, "$x$")
    expect(tab.locator("#formulas math")).to_have_count(1)
    render(tab, HOSTILE[name])
    shown = facts(tab)
    assert shown["math"] == 0
    assert shown["active"] == 0
    assert shown["width"]
    expect(tab.locator("#formulas")).to_contain_text(HOSTILE[name][4:12].strip())


@pytest.mark.parametrize("name", INERT)
def test_odd_tex_stays_in_its_place(tab: Page, name: str) -> None:
    render(tab, "$x$")
    expect(tab.locator("#formulas math")).to_have_count(1)
    render(tab, INERT[name])
    expect(tab.locator("#formulas math")).to_have_count(1)
    assert facts(tab) == {"active": 0, "width": True, "height": True, "math": 1}
    expect(tab.get_by_label("Your message", exact=True)).to_be_visible()


def test_no_tex_is_seen_while_a_formula_grows(tab: Page) -> None:
    text = (
        "So \\(\\frac{a}{b}\\) and $\\sqrt{x}$ are:\n\n"
        "$$\n\\begin{aligned}\na &= b \\\\\n- c &= d\n\\end{aligned}\n$$\n\n"
        "- and \\[\\int x\\]\n\nThe $end$."
    )
    render(tab, "$x$")
    expect(tab.locator("#formulas math")).to_have_count(1)
    seen = tab.evaluate(
        """async (text) => {
          const { MarkdownStream, renderMarkdown } = await import("/js/markdown.js");
          const [grown, whole] = [document.createElement("div"), document.createElement("div")];
          document.querySelector("#messages").append(grown, whole);
          const stream = new MarkdownStream(grown);
          const signs = [];
          for (let end = 1; end <= text.length; end++) {
            stream.render(text.slice(0, end), false);
            if (/[\\\\$&{]/.test(grown.textContent)) signs.push(grown.textContent);
          }
          stream.render(text, true);
          renderMarkdown(text, whole);
          return { signs, isSame: grown.innerHTML === whole.innerHTML };
        }""",
        text,
    )
    assert seen == {"signs": [], "isSame": True}


def test_a_formula_stays_the_same_while_text_follows(tab: Page) -> None:
    """Drawing it anew costs time, and may flicker."""
    render(tab, "$x$")
    expect(tab.locator("#formulas math")).to_have_count(1)
    kept = tab.evaluate(
        """async () => {
          const { MarkdownStream } = await import("/js/markdown.js");
          const body = document.createElement("div");
          document.querySelector("#messages").append(body);
          const stream = new MarkdownStream(body);
          let least = Infinity;
          const text = "Let $\\\\frac{a}{b}$ be " + "a word, ".repeat(50);
          for (let end = 20; end <= text.length; end++) {
            stream.render(text.slice(0, end), false);
            least = Math.min(least, body.querySelectorAll("math").length);
          }
          return least;
        }"""
    )
    assert kept == 1


def test_a_wide_formula_scrolls_by_itself_and_by_keyboard(tab: Page) -> None:
    tab.set_viewport_size({"width": 360, "height": 740})
    terms = "+".join(f"x_{{{n}}}" for n in range(60))
    render(tab, f"$$\\left({terms}\\right)$$\n\nand ${terms}$")
    wide = tab.locator("#formulas .math.display")
    expect(wide).to_have_attribute("tabindex", "0")
    tab.wait_for_function("() => document.documentElement.scrollWidth === 360")
    assert wide.evaluate("(one) => one.scrollWidth > one.clientWidth")
    inline = tab.locator("#formulas .math.inline")
    assert inline.evaluate("(one) => one.scrollWidth <= one.clientWidth + 1")
