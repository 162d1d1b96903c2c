"""Folders, LM Studio, Hugging Face's cache, and what is said of a name that nothing has."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Run, names
from gguf_bytes import LLAMA, gguf_bytes
from llamapack.errors import ModelError
from llamapack.inputs import hub, resolve
from llamapack.inputs.choosing import Candidate, candidates, choose
from llamapack.progress import TerminalReporter
from make_gguf import make_gguf
from split_gguf import split

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROJECTOR = gguf_bytes({"general.architecture": "clip"})


@pytest.fixture
def here(workplace: Path, model: Path) -> Path:
    """The current folder, with a folder of models."""
    folder = workplace / "models"
    folder.mkdir()
    shutil.copyfile(model, folder / "tiny.gguf")
    return workplace


def refused(run: Run, *arguments: str | Path) -> str:
    before = names()
    ran = run("build", *arguments)
    assert (ran.code, ran.out, names()) == (1, "", before)
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 1
    return ran.err


def test_the_one_model_of_a_folder(here: Path, run: Run) -> None:
    (here / "models" / "README.md").write_text("x")
    ran = run("build", "models")
    assert (ran.code, ran.err) == (0, "")
    assert names(here) == ["models", "tiny"]


def test_a_split_model_of_a_folder(here: Path, run: Run, model: Path) -> None:
    split(model, here / "models", 3)
    (here / "models" / "tiny.gguf").unlink()
    assert run("build", "models").code == 0
    assert names(here) == ["Tiny Model", "models"]


def test_what_lies_beside_a_model_is_told_apart(here: Path, run: Run) -> None:
    (here / "models" / "mmproj-tiny-f16.gguf").write_bytes(PROJECTOR)
    (here / "models" / "style.gguf").write_bytes(gguf_bytes({**LLAMA, "general.type": "adapter"}))
    ran = run("build", "models/")
    assert ran.code == 0
    assert ran.err.startswith("Warning: The projector mmproj-tiny-f16.gguf")


def test_several_models_are_listed(here: Path, run: Run, model: Path) -> None:
    shutil.copyfile(model, here / "models" / "other.gguf")
    message = refused(run, "models")
    assert "There are 2 models in models. Name one of these: other.gguf (" in message
    assert "tiny.gguf (" in message


def test_a_folder_without_a_model(here: Path, run: Run) -> None:
    (here / "none").mkdir()
    assert "The folder none is empty" in refused(run, "none", "-o", "x")
    (here / "none" / "model-00001-of-00002.safetensors").write_text("x")
    assert "python convert_hf_to_gguf.py" in refused(run, "none", "-o", "x")
    assert "python convert_hf_to_gguf.py" in refused(
        run, "none/model-00001-of-00002.safetensors", "-o", "x"
    )
    (here / "outer").mkdir()
    (here / "models").rename(here / "outer" / "models")
    assert "name the folder models in it" in refused(run, "outer", "-o", "x")


@pytest.fixture
def ordinary_user(home: Path) -> Iterator[None]:
    """Where we are root, who may read everything; with places that may not be looked into."""
    if sys.platform == "win32":
        pytest.skip("ordinary users are a matter of POSIX")
    places = [home / name for name in (".ollama/models", ".lmstudio/models", ".cache/huggingface")]
    for place in places:
        (place / "inner").mkdir(parents=True)
        place.chmod(0)
    us = os.geteuid()
    if us == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(us)
        for place in places:
            place.chmod(0o700)


@pytest.mark.usefixtures("ordinary_user")
@pytest.mark.parametrize(
    "argument",
    ["{}/models/tiny.gguf", "{}/models", "{}/modls", "ollama:tiny", "lmstudio:a/b", "hf:a/b:Q2_K"],
)
def test_what_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with TerminalReporter() as reporter, pytest.raises(ModelError) as caught:
        resolve(argument.format(tmp_path / "home" / ".ollama"), reporter)
    begins = ("Cannot read ", "Ollama has no ", "There is no ", "LM Studio ", "hf:a/b is not in ")
    assert str(caught.value).startswith(begins)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("models/tinny.gguf", "Did you mean models/tiny.gguf?"),
        ("models/TINY", "Did you mean models/tiny.gguf?"),
        ("model/tiny.gguf", "Did you mean the folder models?"),
        ("zzz.gguf", "Cannot read zzz.gguf: No such file or directory."),
        ("owner/model-GGUF:Q4_K_M", "If it is on Hugging Face, write hf:owner/model-GGUF:Q4_K_M"),
        ("https://huggingface.co/owner/model-GGUF/tree/main", "write hf:owner/model-GGUF"),
    ],
)
def test_a_name_that_nothing_has(here: Path, run: Run, asked: str, hint: str) -> None:
    assert here.is_dir()
    assert hint in refused(run, asked)


@pytest.mark.parametrize("base", [".lmstudio/models", ".cache/lm-studio/models"])
def test_a_model_of_lm_studios(
    workplace: Path, run: Run, home: Path, model: Path, base: str
) -> None:
    folder = home / base / "somebody" / "Tiny-GGUF"
    folder.mkdir(parents=True)
    shutil.copyfile(model, folder / "tiny-Q4_K_M.gguf")
    shutil.copyfile(model, folder / "tiny-Q8_0.gguf")
    (folder / "mmproj-tiny.gguf").write_bytes(PROJECTOR)
    assert run("build", "lmstudio:somebody/Tiny-GGUF").code == 0
    assert run("build", "lmstudio:somebody/Tiny-GGUF:q8_0").code == 0
    assert names(workplace) == ["tiny-Q4_K_M", "tiny-Q8_0"]
    assert "Name one of these: tiny-Q4_K_M.gguf" in refused(run, "lmstudio:somebody/Tiny-GGUF:Q2_K")
    assert "Did you mean 'somebody/Tiny-GGUF'?" in refused(run, "lmstudio:somebody/Tinny-GGUF")
    assert "is no name of a model of LM Studio's" in refused(run, "lmstudio:../../etc")


@pytest.mark.usefixtures("workplace")
def test_without_lm_studio(run: Run) -> None:
    assert "LM Studio keeps no models here" in refused(run, "lmstudio:a/b")


@pytest.fixture
def snapshot(home: Path) -> Path:
    """The folder of the files of owner/Tiny-GGUF in Hugging Face's cache."""
    repository = home / ".cache" / "huggingface" / "hub" / "models--owner--Tiny-GGUF"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "snapshots" / COMMIT).mkdir(parents=True)
    return repository / "snapshots" / COMMIT


def test_a_model_of_hugging_faces_cache(
    workplace: Path, run: Run, snapshot: Path, model: Path
) -> None:
    blob = snapshot.parent.parent / "blob"
    shutil.copyfile(model, blob)
    (snapshot / "tiny-q4_k_m.gguf").symlink_to(blob)
    (snapshot / "Q8_0").mkdir()
    split(model, snapshot / "Q8_0", 2)
    assert run("build", "hf:owner/Tiny-GGUF").code == 0
    assert run("build", "hf:owner/Tiny-GGUF:Q8_0").code == 0
    assert names(workplace) == ["Tiny Model", "tiny-q4_k_m"]
    assert run("build", "hf:owner/Tiny-GGUF/tiny-q4_k_m.gguf", "-o", "again").code == 0


@pytest.mark.parametrize("place", ["HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"])
def test_the_cache_is_where_the_environment_says(
    workplace: Path,
    run: Run,
    snapshot: Path,
    home: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    shutil.copyfile(model, snapshot / "tiny.gguf")
    moved = (home / ".cache").rename(home / "elsewhere")
    inner = {"HF_HOME": "huggingface", "HF_HUB_CACHE": "huggingface/hub", "XDG_CACHE_HOME": ""}
    monkeypatch.setenv(place, str(moved / inner[place]))
    assert run("build", "hf:owner/Tiny-GGUF").code == 0
    assert names(workplace) == ["tiny"]


@pytest.mark.usefixtures("workplace")
def test_without_the_library_nothing_is_downloaded(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    message = refused(run, "hf:owner/Tiny-GGUF")
    assert message.strip().removeprefix("Error: ") == hub.NOT_INSTALLED.format(
        what="hf:owner/Tiny-GGUF"
    )
    for wrong in ("hf:x", "hf:a/b/../c.gguf", "hf:a/b:c/d"):
        assert "is no model on Hugging Face" in refused(run, wrong)


def test_the_parts_of_a_model_are_one_candidate() -> None:
    files = {
        "Q4_K_M/m-Q4_K_M-00001-of-00002.gguf": 5,
        "Q4_K_M/m-Q4_K_M-00002-of-00002.gguf": 6,
        "m-IQ4_XS.gguf": None,
        "mmproj-m.gguf": 1,
        "m-imatrix.gguf": 1,
        "README.md": 1,
    }
    found = candidates(files.items())
    assert [one.size_bytes for one in found] == [11, None]
    assert choose(found, None, "x") == found[0]
    assert choose(found, "iq4_xs", "x") == Candidate(("m-IQ4_XS.gguf",))


def test_a_model_without_a_licence_is_packed_with_a_warning(workplace: Path, run: Run) -> None:
    make_gguf(workplace / "m.gguf")
    ran = run("build", "m.gguf")
    assert ran.code == 0
    assert ran.err.startswith("Warning: m.gguf does not say under which licence")
    assert run("build", "m.gguf", "--license", "mit").err == ""
