"""`llamapack config`: other presets in place, checked like those of a build."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack_runtime.pack import Pack
from llamapack_runtime.pack.manifest import Manifest

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def manifest_of(path: Path) -> Manifest:
    with Pack.open(path) as pack:
        return pack.manifest


def test_presets_are_those_that_a_build_with_them_would_have(
    pack: Path, model: Path, run: Run
) -> None:
    wishes = {"temp": "0.3", "ctx-size": "2048", "title": "Latin", "color": "#7a4f1a"}
    flags = [f"--set={name}={value}" for name, value in wishes.items()]
    prompts = ["--set=prompt=One?", "--set=prompt=Two?"]
    ran = run("config", pack, *flags, *prompts)
    assert (ran.code, ran.err) == (0, "")
    assert "settings.temp: not there -> 0.3" in ran.out
    page = ["--title", "Latin", "--color", "#7a4f1a", "--prompt", "One?", "--prompt", "Two?"]
    assert run("build", model, "-o", "built", *flags[:2], *page).code == 0
    assert pack.read_bytes() == Path("built").read_bytes()
    assert run("verify", pack, "--full").code == 0


def test_they_can_be_put_back(pack: Path, run: Run) -> None:
    before = pack.read_bytes()
    assert run("config", pack, "--set", "temp=1", "--set", "about=Us.").code == 0
    assert pack.read_bytes() != before
    assert run("config", pack, "--unset", "temp", "--unset", "about").code == 0
    assert pack.read_bytes() == before


def test_what_is_not_named_stays(pack: Path, run: Run) -> None:
    run("config", pack, "--set", "title=T", "--set", "temp=1")
    run("config", pack, "--set", "top-k=5", "--set", "welcome=W")
    manifest = manifest_of(pack)
    assert manifest.settings == {"temp": 1, "top-k": 5}
    assert (manifest.brand.title, manifest.brand.welcome) == ("T", "W")


def test_people_keep_their_chats(pack: Path, run: Run) -> None:
    before = manifest_of(pack).pack_id
    run("config", pack, "--set", "system-prompt=Be kind.", "--set", "name=New name")
    after = manifest_of(pack)
    assert (after.pack_id, after.name) == (before, "New name")


def test_a_logo_comes_is_replaced_and_goes(pack: Path, run: Run) -> None:
    before = pack.read_bytes()
    Path("owl").write_bytes(SVG)
    Path("cat").write_bytes(PNG)
    assert run("config", pack, "--set", "logo=owl").code == 0
    with Pack.open(pack) as opened:
        logo = opened.logo()
    assert logo is not None
    assert logo.data == SVG
    assert run("config", pack, "--set", "title=T").code == 0
    assert manifest_of(pack).brand.logo == "brand/logo.svg"
    assert run("config", pack, "--set", "logo=cat").code == 0
    with zipfile.ZipFile(pack) as archive:
        assert [name for name in archive.namelist() if "logo" in name] == ["brand/logo.png"]
    assert run("config", pack, "--unset", "logo", "--unset", "title").code == 0
    assert pack.read_bytes() == before


def test_the_languages_of_the_page_are_told_apart(pack: Path, run: Run) -> None:
    ran = run("config", pack, "--set", "language=zh")
    assert ran.out == 'brand.languages: not there -> ["zh"]\n'
    assert manifest_of(pack).brand.languages == ("zh",)
    Path("other.toml").write_text('preset = 1\nlanguages = ["en", "zh"]\n')
    ran = run("config", pack, "--preset", "other.toml")
    assert ran.out == 'brand.languages: ["zh"] -> ["en", "zh"]\n'
    assert run("config", pack, "--unset", "language").code == 0
    assert manifest_of(pack).brand.languages == ()


def test_what_only_a_build_can_do_is_named_and_left_out(pack: Path, run: Run) -> None:
    Path("pirate.gguf").write_bytes(b"")
    text = 'preset = 1\ntitle = "T"\nlora = ["pirate.gguf"]\nquantize = "Q4_0"\nreadme = false\n'
    Path("build.toml").write_text(text)
    ran = run("config", pack, "--preset", "build.toml", "--json")
    assert (ran.code, json.loads(ran.out)["left_out"]) == (0, ["lora", "quantize"])
    assert "lora, quantize of the preset: left out" in ran.err
    assert manifest_of(pack).brand.title == "T"


def test_nothing_is_written_where_nothing_changes(pack: Path, run: Run) -> None:
    run("config", pack, "--set", "temp=0.5")
    before = pack.stat()
    ran = run("config", pack, "--set", "temp=0.5")
    assert "has these presets already" in ran.out
    assert pack.stat().st_mtime_ns == before.st_mtime_ns


def test_it_shows_what_can_be_changed(pack: Path, run: Run) -> None:
    run("config", pack, "--set", "temp=0.5", "--set", "title=T")
    shown = json.loads(run("config", pack, "--json").out)
    assert shown == {"name": "Tiny", "title": "T", "license": "mit", "temp": 0.5}


def test_what_it_shows_is_a_preset(pack: Path, model: Path, run: Run) -> None:
    """The other pack becomes the same by it."""
    wishes = ["title=T", "prompt=One?", "prompt=Two?", "system-prompt=Be kind.", "license=gpl"]
    wishes += ["language=zh", "language=en"]
    wishes += ["lock-system-prompt=on", "quit-when-closed=off", "temp=0.5", 'about=\n"Us"\n\\']
    flags = [f"--set={wish}" for wish in wishes]
    assert run("config", pack, *flags).code == 0
    Path("shown.toml").write_text(run("config", pack).out)
    assert run("build", model, "-o", "other").code == 0
    ran = run("config", "other", "--preset", "shown.toml")
    assert (ran.code, ran.err) == (0, "")
    assert Path("other").read_bytes() == pack.read_bytes()
    assert run("config", "other", "--preset", "shown.toml", "--set", "temp=1").code == 0
    assert manifest_of(Path("other")).settings["temp"] == 1


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (["--set", "temp=hot"], "temp must be a number"),
        (["--set", "tmep=1"], "Did you mean 'temp'?"),
        (["--set", "tittle=T"], "Did you mean 'title'?"),
        (["--set", "title"], "--set title needs a value"),
        (["--set", "title=" + "x" * 81], "--title may have"),
        (["--set", "color=red"], "--color must be"),
        (["--set", "language=fr"], "--language may be of en and zh, not 'fr'."),
        (["--set", "logo=nowhere"], "--logo must be an image file"),
        (["--set", "name= "], "name must be one line"),
        (["--set", "port=99999"], "port must be"),
        (["--set", "model=x.gguf"], "'model' cannot be packed"),
        (["--set", "lock-system-prompt=on"], "There is no system prompt to lock"),
        (["--set", "lock-system-prompt=maybe"], "must be on or off"),
        (["--set", "system-prompt-file=nowhere"], "cannot be read"),
        (["--set", "system-prompt="], "system-prompt must be"),
        (["--unset", "name"], "A pack keeps a name"),
        (["--unset", "tmep"], "Did you mean 'temp'?"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    pack: Path, run: Run, wishes: list[str], said: str
) -> None:
    before = pack.read_bytes()
    ran = run("config", pack, "--set", "about=Us.", *wishes)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert pack.read_bytes() == before
    assert names() == ["chat"]


def test_a_file_that_is_no_pack_is_left_alone(model: Path, workplace: Path, run: Run) -> None:
    other = workplace / "other"
    other.write_bytes(model.read_bytes())
    ran = run("config", other, "--set", "temp=1")
    assert (ran.code, "is not a llamapack file" in ran.err) == (1, True)
    assert other.read_bytes() == model.read_bytes()
