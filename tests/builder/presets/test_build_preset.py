"""`llamapack build --preset` and `llamapack preset`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run, names
from llamapack.presets.schema import SCHEMA_NAME
from llamapack_runtime.pack import AdapterInfo, Brand, Pack
from make_gguf import make_gguf
from make_lora import make_lora, random_pair

ROOT = Path(__file__).resolve().parents[3]
PRESET = """\
preset = 1
name = "Latin teacher"
description = "Reads Caesar with you."
author = "M. Varro"
license = "cc-by-4.0"
title = "Magister"
color = "#7a4f1a"
logo = "owl.svg"
welcome = "Salve!"
prompts = ["Conjugate amare.", "Who was Cicero?"]
languages = ["zh", "en"]
disclaimer = "It can be wrong."
about = "Made by the school."
system-prompt-file = "teacher.txt"
lock-system-prompt = true
quit-when-closed = false
sampling.temp = 0.3
[model]
ctx-size = 4096
[server]
port = 9000
"""


@pytest.fixture
def preset(workplace: Path, folder: Path) -> Path:
    """In another folder than the current one."""
    assert workplace != folder
    path = folder / "latin.toml"
    path.write_text(PRESET)
    return path


def test_all_of_it_is_packed(preset: Path, model: Path, run: Run) -> None:
    ran = run("build", model, "-o", "latin", "--preset", preset)
    assert ran.code == 0, ran.err
    with Pack.open("latin") as pack:
        manifest = pack.manifest
    assert manifest.brand == Brand(
        title="Magister",
        color="#7a4f1a",
        logo="brand/logo.svg",
        welcome="Salve!",
        prompts=("Conjugate amare.", "Who was Cicero?"),
        languages=("zh", "en"),
        disclaimer="It can be wrong.",
        about="Made by the school.",
        description="Reads Caesar with you.",
        author="M. Varro",
        is_system_prompt_locked=True,
    )
    assert (manifest.name, manifest.model.license) == ("Latin teacher", "cc-by-4.0")
    assert dict(manifest.settings) == {
        "temp": 0.3,
        "ctx-size": 4096,
        "port": 9000,
        "system-prompt": "You teach Latin.",
        "quit-when-closed": "off",
    }
    assert '--author "M. Varro"' in run("inspect", "latin").out


def test_flags_win(preset: Path, model: Path, run: Run) -> None:
    Path("other.txt").write_text("You teach Greek.")
    flags = ["--title", "Didaskalos", "--prompt", "Alpha?", "--quit-when-closed"]
    flags += ["--set", "temp=0.9", "--system-prompt-file", "other.txt", "--name", "Greek"]
    assert run("build", model, "-o", "greek", "--preset", preset, *flags).code == 0
    with Pack.open("greek") as pack:
        manifest = pack.manifest
    assert (manifest.name, manifest.brand.title) == ("Greek", "Didaskalos")
    assert manifest.brand.prompts == ("Alpha?",)
    assert manifest.brand.welcome == "Salve!"
    assert manifest.settings["temp"] == 0.9
    assert manifest.settings["port"] == 9000
    assert manifest.settings["system-prompt"] == "You teach Greek."
    assert manifest.settings["quit-when-closed"] == "on"


def test_a_preset_gives_the_bytes_of_the_flags(preset: Path, model: Path, run: Run) -> None:
    preset.write_text('preset = 1\ntitle = "Latin"\n[sampling]\ntemp = 0.5\n')
    run("build", model, "-o", "one", "--preset", preset)
    run("build", model, "-o", "two", "--title", "Latin", "--set", "temp=0.5")
    assert Path("one").read_bytes() == Path("two").read_bytes()


def test_a_wrong_preset_leaves_nothing(preset: Path, model: Path, run: Run) -> None:
    preset.write_text('preset = 1\n[sampling]\ntemp = "hot"\n')
    ran = run("build", model, "-o", "latin", "--preset", preset)
    assert (ran.code, ran.out) == (1, "")
    sentence = "latin.toml:3: sampling.temp must be a number from 0 to 100, not 'hot'."
    assert ran.err == f"Error: {sentence}\n"
    assert names() == []


def test_a_preset_can_be_checked(preset: Path, run: Run) -> None:
    assert run("preset", preset).out == f"{preset} is a good preset: 18 values.\n"
    facts = json.loads(run("preset", preset, "--json").out)
    assert facts["settings"] == {"temp": 0.3, "ctx-size": 4096, "port": 9000}
    assert facts["flags"]["logo"] == str(preset.parent / "owl.svg")
    preset.write_text("preset = 1\ncolour = '#123456'\n")
    ran = run("preset", preset)
    assert ran.code == 1
    assert "latin.toml:2: colour: there is no such key. Did you mean 'color'?" in ran.err


def test_the_published_schema_is_the_declaration(run: Run) -> None:
    """Write it anew with: llamapack preset --schema > templates/preset.schema.json"""
    published = (ROOT / "templates" / SCHEMA_NAME).read_text(encoding="utf-8")
    assert run("preset", "--schema").out == published


def test_the_example_is_printed_and_good(workplace: Path, run: Run) -> None:
    (workplace / "example.toml").write_text(run("preset").out)
    assert run("preset", "example.toml").code == 0


@pytest.mark.parametrize("arguments", [["--json"], ["x.toml", "--schema"]])
def test_what_does_not_go_together_is_wrong_usage(run: Run, arguments: list[str]) -> None:
    assert run("preset", *arguments).code == 2


def test_what_it_names_besides_is_packed_and_flags_win(
    workplace: Path, folder: Path, model: Path, run: Run
) -> None:
    make_gguf(folder / "Qwen3.gguf", name="Second", n_layers=3)
    for name in ("pirate", "formal"):
        make_lora(folder / f"{name}.gguf", {"blk.0.ffn_down.weight": random_pair(128, 64)})
    lines = ["preset = 1", 'with = ["other=Qwen3.gguf"]', 'lora = ["pirate.gguf:0.5"]']
    preset = folder / "all.toml"
    preset.write_text("\n".join([*lines, "readme = true"]))
    assert run("build", model, "-o", "all", "--preset", preset).code == 0
    flags = ["--lora", folder / "formal.gguf", "--no-readme"]
    assert run("build", model, "-o", "mine", "--preset", preset, *flags).code == 0
    assert names(workplace) == ["all", "all.readme.html", "mine"]
    with Pack.open("all") as one, Pack.open("mine") as other:
        assert [found.name for found in one.manifest.models] == ["Tiny", "other"]
        assert one.manifest.model.adapters == (AdapterInfo("pirate", "lora/pirate.gguf", 0.5),)
        assert [found.name for found in other.manifest.model.adapters] == ["formal"]
        assert [found.name for found in other.manifest.models] == ["Tiny", "other"]


def test_what_it_names_and_is_not_there_is_told_with_its_line(
    folder: Path, model: Path, run: Run
) -> None:
    preset = folder / "none.toml"
    preset.write_text('preset = 1\n\nwith = ["Qwen3.gguf", "olama:qwen3"]\n')
    ran = run("build", model, "--preset", preset)
    sentence = f"none.toml:3: with[1]: there is no model {folder / 'olama:qwen3'}."
    assert (ran.code, ran.err) == (1, f"Error: {sentence}\n")
