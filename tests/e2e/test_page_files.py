"""The files of the chat page: complete catalogues, nothing inline, nothing foreign, not heavy."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from llamapack_runtime.api.chats.taste import Sampling
from llamapack_runtime.hardware.gpu_choice import GPU_CODES

WEB = Path(__file__).resolve().parents[2] / "templates" / "web"
OWN_FILES = sorted(path for path in WEB.rglob("*") if path.is_file() and "vendor" not in path.parts)
LARGEST_BYTES = 950_000


def catalogue(language: str) -> dict[str, str]:
    text = (WEB / "js" / "lang" / f"{language}.js").read_text("utf-8")
    return dict(re.findall(r'^  "([^"]+)": "(.*)",$', text, re.MULTILINE))


def used_keys() -> set[str]:
    """Keys in data-i18n attributes, in calls of t(), and in two tables: the stages of loading, and
    what became of a graphics card."""
    keys = set(re.findall(r'data-i18n[a-z-]*="([^"]+)"', (WEB / "index.html").read_text("utf-8")))
    for path in (WEB / "js").glob("*.js"):
        keys |= set(re.findall(r'(?<!\w)t\("([^"]+)"', path.read_text("utf-8")))
        if path.name == "about.js":  # its key ends in a code
            keys |= {f"about.gpu.{code}" for code in GPU_CODES}
    stages = (WEB / "js" / "loading.js").read_text("utf-8").split("};")[0]
    return keys | set(re.findall(r'"(loading\.\w+)"', stages))


class Inline(HTMLParser):
    """Collects what a strict Content-Security-Policy would block, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.blocked += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.blocked.append(tag)
        self.addresses += [given[name] or "" for name in ("src", "href") if name in given]


@pytest.fixture(scope="module")
def index() -> Inline:
    parser = Inline()
    parser.feed((WEB / "index.html").read_text("utf-8"))
    return parser


def test_both_catalogues_have_the_same_keys() -> None:
    assert set(catalogue("en")) == set(catalogue("zh"))


def test_every_sentence_is_used_and_every_used_one_exists() -> None:
    assert used_keys() == set(catalogue("en"))


def test_translations_fill_the_same_places() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    places = re.compile(r"\{\w+\}")
    for key, sentence in english.items():
        assert set(places.findall(sentence)) == set(places.findall(chinese[key])), key


def test_the_page_knows_the_programs_limits_of_values() -> None:
    rows = re.findall(
        r"\{ name: \"(\w+)\", (.*?) \}", (WEB / "js" / "sampling.js").read_text("utf-8")
    )
    ours = {name: dict(re.findall(r"(\w+): ([\w.]+)", rest)) for name, rest in rows}
    assert set(ours) == set(Sampling.__struct_fields__)
    for name, hint in get_type_hints(Sampling, include_extras=True).items():
        value = next(part for part in get_args(hint) if get_args(part))
        kind, meta = get_args(value)
        limits = ours[name]
        assert (kind is int) == (limits.get("isWhole") == "true"), name
        assert (meta.gt is not None) == (limits.get("isOpen") == "true"), name
        assert float(limits["least"]) == (meta.ge if meta.gt is None else meta.gt), name
        assert float(limits["most"]) == meta.le, name


def test_nothing_is_inline(index: Inline) -> None:
    assert index.blocked == []


def test_every_address_in_the_page_is_a_file_beside_it_or_an_icon(index: Inline) -> None:
    text = (WEB / "index.html").read_text("utf-8")
    for address in index.addresses:
        if address == "#/":
            continue  # where a new chat begins (js/route.js)
        if address.startswith("#"):
            assert f'id="{address[1:]}"' in text, address
        else:
            assert (WEB / address).is_file(), address


@pytest.mark.parametrize("path", OWN_FILES, ids=lambda path: path.name)
def test_no_file_names_another_host(path: Path) -> None:
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", path.read_text("utf-8")))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}


@pytest.mark.parametrize("path", sorted((WEB / "js").rglob("*.js")), ids=lambda path: path.name)
def test_every_import_is_a_file(path: Path) -> None:
    for name in re.findall(r'(?:from|import)\s*\(?"(\.[^"]+)"', path.read_text("utf-8")):
        assert (path.parent / name).is_file(), name


def imported(path: Path) -> set[Path]:
    """All modules that a module needs before it runs."""
    found = {path}
    waiting = [path]
    while waiting:
        module = waiting.pop()
        text = module.read_text("utf-8")
        for name in re.findall(r'^(?:import|export)\b[^;(]*?"(\.[^"]+)";', text, re.MULTILINE):
            needed = (module.parent / name).resolve()
            if needed not in found:
                found.add(needed)
                waiting.append(needed)
    return found


def test_what_the_page_needs_is_asked_for_at_once() -> None:
    """And not module by module, as each is read."""
    start = (WEB / "js" / "start.js").read_text("utf-8")
    listed = [WEB / address for address in re.findall(r'"((?:js|vendor)/[^"]+)"', start)]
    assert len(listed) == len(set(listed))
    assert set(listed) | {WEB / "js" / "main.js"} == imported(WEB / "js" / "main.js")


def test_every_style_sheet_belongs_to_a_page() -> None:
    together = (WEB / "css" / "all.css").read_text("utf-8")
    used = {*re.findall(r'@import "([^"]+)";', together), "all.css", "docs.css"}
    assert used == {path.name for path in (WEB / "css").glob("*.css")}


def test_the_whole_page_is_light() -> None:
    assert sum(path.stat().st_size for path in WEB.rglob("*") if path.is_file()) <= LARGEST_BYTES
