"""The README's section for packers, command by command, with the real model and runtime."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from make_bert_gguf import make_bert
from make_gguf import make_gguf
from make_lora import make_lora, random_pair
from make_mmproj import make_mmproj
from ollama_folder import add_model
from split_gguf import split

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300
N_EMBD, N_FF = 576, 1536  # of the real model
SVG = "<svg xmlns='http://www.w3.org/2000/svg'/>"
MODELFILE = 'FROM ./model.gguf\nSYSTEM "Be kind."\nPARAMETER temperature 0.4\n'
COMMIT = "0123456789abcdef0123456789abcdef01234567"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def section() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition("\n## For the packer\n")[2].partition("\n## ")[0]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", section(), re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert all(line.startswith("$ llamapack ") for line in lines), lines
    return [line.removeprefix("$ ") for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the files that the section speaks of, and a home where other programs keep models."""
    named = os.environ.get("LLAMAPACK_TEST_MODEL")
    if not named or not os.environ.get("LLAMAPACK_TEST_IMAGE"):
        pytest.skip("LLAMAPACK_TEST_MODEL names no model; `make test` fetches one and sets it")
    place = tmp_path_factory.mktemp("packer")
    model = place / "model.gguf"
    shutil.copyfile(named, model)
    for name in ("parts", "models"):
        (place / name).mkdir()
    split(model, place / "parts", 5)
    (place / "models" / "one.gguf").hardlink_to(model)
    make_gguf(place / "small.gguf", name="Small")
    make_gguf(place / "large.gguf", name="Large", n_embd=256, n_ff=256)
    make_bert(place / "embedder.gguf")
    for index, name in enumerate(("pirate", "formal")):
        pair = random_pair(N_FF, N_EMBD, seed=index)
        make_lora(place / f"{name}.gguf", {"blk.0.ffn_down.weight": pair})
    make_mmproj(place / "projector.gguf", n_embd=N_EMBD)
    (place / "owl.svg").write_text(SVG)
    (place / "Modelfile").write_text(MODELFILE)
    [preset] = blocks("toml")
    (place / "latin.toml").write_text(preset)
    _fill_home(place / "home", model)
    return place


def _fill_home(home: Path, model: Path) -> None:
    store = home / ".ollama" / "models"
    layers = [("model", model.read_bytes()), ("system", b"You teach.")]
    add_model(store, layers, "registry.ollama.ai/library/teacher/latest")
    studio = home / ".lmstudio" / "models" / "somebody" / "Small-GGUF"
    studio.mkdir(parents=True)
    (studio / "small.gguf").hardlink_to(model)
    cache = home / ".cache" / "huggingface" / "hub" / "models--somebody--Small-GGUF"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(COMMIT)
    snapshot = cache / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "small-q4_1.gguf").hardlink_to(model)


@pytest.fixture(scope="module")
def shell(folder: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs a line as somebody at a terminal would, but for the home."""
    tools = Path(sys.executable).parent
    build_cache = os.environ.get("LLAMAPACK_BUILD_CACHE") or Path.home() / ".cache/llamapack/build"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        "HOME": str(folder / "home"),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "LLAMAPACK_BUILD_CACHE": str(build_cache),
        "HF_HUB_OFFLINE": "1",
    }

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    return run


def test_every_command_of_the_section_works(
    folder: Path, shell: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    for line in commands():
        done = shell(line)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    written = re.findall(r" build .* -o (\S+)", "\n".join(commands()))
    assert len(written) >= 12
    assert all((folder / name).exists() for name in written)


def test_the_preset_of_the_section_passes_its_check(
    shell: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    done = shell("llamapack preset latin.toml")
    assert done.returncode == 0, done.stderr
