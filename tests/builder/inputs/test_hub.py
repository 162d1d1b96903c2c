"""hf:OWNER/REPO that is not in the cache: downloads, and each way in which one can fail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Run, names
from fake_hub import TOKEN, Hub, fake_hub
from split_gguf import split

pytest.importorskip("huggingface_hub")
NAME = "owner/Tiny-GGUF"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, model: Path) -> Iterator[Hub]:
    with fake_hub() as hub:
        hub.files[NAME] = {"tiny-Q8_0.gguf": model.read_bytes(), "README.md": b"x"}
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        # Of a file that is cut off, whole chunks are kept.
        monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50_000)
        yield hub


def refused(run: Run, argument: str) -> str:
    ran = run("build", argument)
    assert (ran.code, ran.out) == (1, "")
    *_, message = ran.err.splitlines()
    assert message.startswith("Error: ")
    assert names() == []
    return message


def test_a_download_is_packed_and_kept(
    workplace: Path, run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run("build", f"hf:{NAME}:Q8_0")
    assert ran.code == 0
    assert ran.err.startswith("Downloading tiny-Q8_0.gguf (")
    assert hub.tokens[0] is None
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert run("build", f"hf:{NAME}").code == 0
    assert names(workplace) == ["tiny-Q8_0"]
    assert run("verify", "tiny-Q8_0").code == 0


def test_all_parts_of_a_model_are_downloaded(
    workplace: Path, run: Run, hub: Hub, model: Path, tmp_path: Path
) -> None:
    hub.files[NAME] |= {
        f"Q4_K_M/{part.name}": part.read_bytes() for part in split(model, tmp_path, 3)
    }
    assert run("build", f"hf:{NAME}").code == 0
    assert names(workplace) == ["Tiny Model"]
    assert len(hub.ranges) == 3


@pytest.mark.usefixtures("workplace")
def test_a_connection_that_is_cut_off_is_gone_on_with(run: Run, hub: Hub, model: Path) -> None:
    hub.cuts = [100_000]
    assert run("build", f"hf:{NAME}/tiny-Q8_0.gguf").code == 0
    assert hub.ranges == [None, "bytes=100000-"]
    assert run("extract", "tiny-Q8_0").code == 0
    assert Path("tiny-Q8_0.gguf").read_bytes() == model.read_bytes()


@pytest.mark.usefixtures("workplace")
def test_the_next_run_goes_on_where_one_stopped(run: Run, hub: Hub) -> None:
    hub.cuts = [100_000]
    hub.goes_down = True
    message = refused(run, f"hf:{NAME}")
    assert f"Hugging Face answered 500 for hf:{NAME}/tiny-Q8_0.gguf" in message
    hub.goes_down = hub.is_down = False
    assert run("build", f"hf:{NAME}").code == 0
    assert hub.ranges == [None, "bytes=100000-"]


@pytest.mark.usefixtures("workplace", "hub")
@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("hf:owner/none", "Hugging Face has no model hf:owner/none, or it is private"),
        (f"hf:{NAME}:Q2_K", "no file with 'Q2_K' in its name in hf:owner/Tiny-GGUF. Name one of"),
        (f"hf:{NAME}/other.gguf", "tiny-Q8_0.gguf"),
    ],
)
def test_what_is_not_there(run: Run, argument: str, words: str) -> None:
    assert words in refused(run, argument)


def test_a_gated_model_needs_a_token_which_is_never_shown(
    workplace: Path, run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.gated.add(NAME)
    monkeypatch.setenv("HF_TOKEN", "hf_another-secret")
    message = refused(run, f"hf:{NAME}")
    assert f"hf:{NAME} is given only to people who asked for it" in message
    assert "another-secret" not in message
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    ran = run("build", f"hf:{NAME}")
    assert ran.code == 0
    assert TOKEN not in ran.out + ran.err
    assert TOKEN.encode() not in (workplace / "tiny-Q8_0").read_bytes()


@pytest.mark.usefixtures("workplace")
def test_without_a_network(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "the connection to Hugging Face failed or was cut off" in refused(run, f"hf:{NAME}")


@pytest.mark.usefixtures("workplace", "hub")
def test_a_cache_that_cannot_be_written(run: Run, home: Path) -> None:
    (home / ".cache").write_text("no folder")
    message = refused(run, f"hf:{NAME}")
    assert "cannot be written to" in message
    assert "HF_HOME names another folder." in message


@pytest.mark.usefixtures("workplace")
def test_without_the_library(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "pip install 'llamapack[hf]'" in refused(run, f"hf:{NAME}")
