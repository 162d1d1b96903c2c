"""The packer's wishes for the page: in the manifest as they were given, shown again, and refused in
one sentence before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack_runtime.pack import Brand, Pack
from llamapack_runtime.settings import read_settings

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
PAGE = [
    *("--title", "Latin", "--color", "#7a4f1a", "--welcome", "Salve!\nWhat shall we read?"),
    *("--prompt", "Conjugate amare.", "--prompt", "Who was Cicero?"),
    *(
        "--language",
        "zh",
        "--language",
        "en",
        "--disclaimer",
        "It can be wrong.",
        "--about",
        "Made by the school.",
    ),
]
LOCKED = ["--system-prompt", "You teach Latin.", "--lock-system-prompt"]


@pytest.fixture
def logo(workplace: Path) -> Path:
    path = workplace / "owl.picture"
    path.write_bytes(SVG)
    return path


def test_all_wishes_are_packed(workplace: Path, model: Path, logo: Path, run: Run) -> None:
    ran = run("build", model, "-o", "latin", *PAGE, *LOCKED, "--logo", logo)
    assert ran.code == 0
    with Pack.open(workplace / "latin") as pack:
        assert pack.manifest.brand == Brand(
            title="Latin",
            color="#7a4f1a",
            logo="brand/logo.svg",
            welcome="Salve!\nWhat shall we read?",
            prompts=("Conjugate amare.", "Who was Cicero?"),
            languages=("zh", "en"),
            disclaimer="It can be wrong.",
            about="Made by the school.",
            is_system_prompt_locked=True,
        )
        packed = pack.logo()
    assert packed is not None
    assert (packed.media_type, packed.data) == ("image/svg+xml", SVG)
    assert run("verify", "latin", "--full").code == 0


def test_without_wishes_the_manifest_has_none(pack: Path) -> None:
    with Pack.open(pack) as opened:
        assert opened.manifest.brand == Brand()
        assert "brand" not in json.loads(opened.manifest.to_json())
        assert [entry.name for entry in opened.entries if entry.name.startswith("brand")] == []


@pytest.mark.parametrize(
    ("flags", "settings", "value"),
    [
        ([], {}, "auto"),
        (["--quit-when-closed"], {"quit-when-closed": "on"}, "on"),
        (["--keep-running"], {"quit-when-closed": "off"}, "off"),
    ],
)
def test_how_it_ends_is_packed(
    workplace: Path, model: Path, run: Run, flags: list[str], settings: dict[str, str], value: str
) -> None:
    assert run("build", model, "-o", "made", *flags).code == 0
    with Pack.open(workplace / "made") as pack:
        assert dict(pack.manifest.settings) == settings
        assert read_settings(pack.manifest.settings, {}, []).quit_when_closed == value


def test_another_look_keeps_the_chats(pack: Path, model: Path, run: Run) -> None:
    run("build", model, "-o", "other", *PAGE, "--keep-running")
    with Pack.open(pack) as first, Pack.open(pack.parent / "other") as second:
        assert first.manifest.pack_id == second.manifest.pack_id


@pytest.mark.usefixtures("workplace")
def test_inspect_shows_them(model: Path, logo: Path, run: Run) -> None:
    run("build", model, "-o", "latin", *PAGE, *LOCKED, "--logo", logo, "--keep-running")
    text = run("inspect", "latin").out
    assert '--quit-when-closed "off", --system-prompt "You teach Latin."' in text
    line = next(line for line in text.splitlines() if line.startswith("Page: "))
    assert '--title "Latin", --color "#7a4f1a", --logo "brand/logo.svg"' in line
    assert '--prompt "Conjugate amare.", --prompt "Who was Cicero?"' in line
    assert '--language "zh", --language "en"' in line
    assert line.endswith("--lock-system-prompt")
    facts = json.loads(run("inspect", "latin", "--json").out)
    assert facts["brand"]["prompts"] == ["Conjugate amare.", "Who was Cicero?"]
    assert facts["brand"]["is_system_prompt_locked"] is True


def test_inspect_says_when_there_are_none(pack: Path, run: Run) -> None:
    assert "Page:          as it is by itself\n" in run("inspect", pack).out


@pytest.mark.parametrize(
    ("flags", "sentence", "code"),
    [
        (["--title", "x" * 81], "--title may have 80 characters at most, not 81.", 1),
        (["--title", "a\nb"], "--title must be one line.", 1),
        (["--title", ""], "--title must hold a text that is not empty.", 1),
        (["--color", "teal"], "--color must be a colour such as #1a7f5a, not 'teal'.", 1),
        (["--welcome", "x" * 2001], "--welcome may have 2,000 characters at most, not 2,001.", 1),
        (["--prompt", "x" * 201], "--prompt may have 200 characters at most, not 201.", 1),
        (["--prompt", "x"] * 9, "--prompt may be 8 at most, not 9.", 1),
        (["--language", "zn"], "'zn' is none of en, zh.", 2),
        (["--language", "zh", "--language", "zh"], "--language must not have 'zh' twice.", 1),
        (["--disclaimer", "\x1b[2J"], "--disclaimer must be plain text", 1),
        (["--about", "x" * 4001], "--about may have 4,000 characters at most, not 4,001.", 1),
        (["--logo", "none.png"], "--logo must be an image file, which none.png is not.", 1),
        (["--logo", "."], "--logo must be an image file, which . is not.", 1),
        (["--logo", "text.png"], "The logo text.png is no PNG, JPEG, WebP or SVG image.", 1),
        (["--logo", "big.png"], "The logo big.png has 300.0 kB, and at most 256 KiB", 1),
        (["--lock-system-prompt"], "--lock-system-prompt needs a --system-prompt", 2),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_sentence(
    workplace: Path, model: Path, run: Run, flags: list[str], sentence: str, code: int
) -> None:
    (workplace / "text.png").write_text("hello")
    (workplace / "big.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(299_992))
    before = names(workplace)
    ran = run("build", model, "-o", "made", *flags)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert names(workplace) == before


def test_help_has_headings(run: Run) -> None:
    out = run("build", "--help").out
    places = [out.index(f"\n{one}:\n") for one in ("The chat page", "How it ends", "Options")]
    assert places == sorted(places)
    assert places[0] < out.index("--disclaimer TEXT") < places[1]
    assert out.index("  --force ") > places[2]
