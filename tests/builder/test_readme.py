"""`llamapack build --readme`: what it says, in both languages, and that nothing of it can act."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack.targets.table import TARGETS
from llamapack_runtime.pack.logo import image_type

ROOT = Path(__file__).resolve().parents[2]
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
HOSTILE = "<script>alert(1)</script>\"'&$title"
PAGE = "latin.readme.html"


class Seen(HTMLParser):
    """The elements and attributes of a page, and its text by language."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: dict[str, str] = {"": "", "en": "", "zh": ""}
        self._section = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "section":
            self._section = dict(attrs)["id"] or ""

    def handle_data(self, data: str) -> None:
        self.texts[self._section] += data


def made(run: Run, model: Path, *flags: str | Path) -> str:
    ran = run("build", model, "-o", "latin", "--readme", *flags)
    assert ran.code == 0, ran.err
    assert f"For whoever gets it: {PAGE}\n" in ran.out
    return Path(PAGE).read_text(encoding="utf-8")


@pytest.mark.usefixtures("workplace")
def test_it_says_how_to_start_the_pack(model: Path, run: Run) -> None:
    Path("owl.svg").write_bytes(SVG)
    page = made(
        *(run, model, "--title", "Magister", "--author", "M. Varro", "--color", "#7a4f1a"),
        *("--description", "Reads Caesar.", "--logo", "owl.svg", "--about", "One\nTwo"),
    )
    seen = Seen(page)
    size = f"{Path('latin').stat().st_size / 1e6:.1f} MB"
    for language, sentences in {
        "en": ["Double-click it.", "Nothing leaves this computer.", "chmod +x ./latin", "M. Varro"],
        "zh": ["双击它。", "任何内容都不会离开这台电脑。", "chmod +x ./latin", "M. Varro"],
    }.items():
        text = seen.texts[language]
        assert all(
            one in text for one in [*sentences, size, "Tiny", "mit", "glibc 2.28", "One\nTwo"]
        )
    assert "Magister" in seen.texts[""]
    assert "Reads Caesar." in seen.texts[""]
    assert "--accent: #7a4f1a; --on-accent: #ffffff" in page
    [source] = [value for name, value in seen.attributes if name == "src"]
    assert source is not None
    kind, data = source.removeprefix("data:").split(";base64,")
    assert (kind, base64.b64decode(data)) == (image_type(SVG), SVG)


@pytest.mark.usefixtures("workplace")
def test_nothing_in_it_can_act(model: Path, run: Run) -> None:
    flags = ("title", "author", "description", "about", "disclaimer", "license", "name")
    page = made(run, model, *(part for one in flags for part in (f"--{one}", HOSTILE)))
    seen = Seen(page)
    assert "script" not in seen.tags
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8
    assert HOSTILE in seen.texts["en"]
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    links = {value for name, value in seen.attributes if name in ("href", "src", "action")}
    assert links == {"#en", "#zh"}
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("flags", "words"),
    [([], "ends by itself"), (["--keep-running"], "keeps running until you choose “Quit”")],
)
def test_it_says_how_the_pack_ends(model: Path, run: Run, flags: list[str], words: str) -> None:
    assert words in Seen(made(run, model, *flags)).texts["en"]


@pytest.mark.usefixtures("workplace")
def test_odd_names_of_files_stay_commands(model: Path, run: Run) -> None:
    assert run("build", model, "-o", "my $pack's", "--readme").code == 0
    text = Seen(Path("my $pack's.readme.html").read_text(encoding="utf-8")).texts["en"]
    assert "chmod +x './my $pack'\"'\"'s'" in text


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(("color", "ink"), [("#ffd400", "#000000"), ("#222266", "#ffffff")])
def test_text_on_the_colour_can_be_read(model: Path, run: Run, color: str, ink: str) -> None:
    assert f"--accent: {color}; --on-accent: {ink};" in made(run, model, "--color", color)


@pytest.mark.usefixtures("workplace")
def test_only_its_own_pages_are_replaced(model: Path, run: Run) -> None:
    made(run, model)
    made(run, model, "--title", "Again")
    Path(PAGE).write_text("mine")
    before = Path("latin").read_bytes()
    ran = run("build", model, "-o", "latin", "--readme", "--name", "Other")
    assert (ran.code, "exists and is no page of llamapack's" in ran.err) == (1, True)
    assert (Path(PAGE).read_text(), Path("latin").read_bytes()) == ("mine", before)
    assert "<html" in made(run, model, "--force")


@pytest.mark.usefixtures("workplace")
def test_json_names_it(model: Path, run: Run) -> None:
    facts = json.loads(run("build", model, "-o", "latin", "--readme", "--json").out)
    assert facts["readme"] == str(Path(PAGE).absolute())
    assert "readme" not in json.loads(run("build", model, "-o", "latin", "--json").out)
    assert names() == ["latin", PAGE]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_has_a_page(target: str) -> None:
    steps = ROOT / "templates" / "readme" / "steps"
    system = target.partition("-")[0]
    assert {f"{system}.en.html", f"{system}.zh.html"} <= {path.name for path in steps.iterdir()}
