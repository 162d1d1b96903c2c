"""`llamapack build --mmproj`: a model that sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run
from llamapack_runtime.pack import Pack
from make_gguf import make_gguf
from make_mmproj import make_mmproj


@pytest.fixture
def seeing(workplace: Path, run: Run) -> Path:
    make_gguf(workplace / "m.gguf", license_name="mit")
    make_mmproj(workplace / "mmproj-m.gguf")
    assert run("build", "m.gguf", "--mmproj", "mmproj-m.gguf", "-o", "seeing").code == 0
    return workplace / "seeing"


def test_the_projector_is_packed_and_named(seeing: Path, run: Run) -> None:
    with Pack.open(seeing) as pack:
        assert pack.manifest.model.projector == "mmproj/mmproj-m.gguf"
        entry = pack.entry("mmproj/mmproj-m.gguf")
    projector = (seeing.parent / "mmproj-m.gguf").read_bytes()
    data = seeing.read_bytes()[entry.data_offset : entry.data_offset + entry.size]
    assert data == projector
    assert "reads images" in run("inspect", seeing).out
    assert json.loads(run("inspect", seeing, "--json").out)["model"]["projector"] == entry.name
    assert run("verify", seeing).code == 0


def test_without_it_nothing_is_said_of_images(workplace: Path, run: Run) -> None:
    make_gguf(workplace / "m.gguf", license_name="mit")
    assert run("build", "m.gguf", "-o", "blind").code == 0
    assert "reads images" not in run("inspect", "blind").out


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: make_mmproj(path, n_embd=96), "rows of 96 numbers"),
        (lambda path: make_mmproj(path, has_vision=False), "no encoder for images"),
        (
            lambda path: make_mmproj(path, has_vision=False, has_audio=True),
            "one for sound, which this program does not read",
        ),
        (lambda path: make_mmproj(path, changed={"patch_size": 1}), "patch_size is 1"),
        (make_gguf, "is no projector"),
        (lambda path: path.write_bytes(b"GIF89a"), "p.gguf"),
    ],
)
def test_what_does_not_fit_is_refused(workplace: Path, run: Run, make: object, words: str) -> None:
    make_gguf(workplace / "m.gguf", license_name="mit")
    make(workplace / "p.gguf")  # type: ignore[operator]  # of different kinds
    ran = run("build", "m.gguf", "--mmproj", "p.gguf", "-o", "none")
    assert ran.code != 0
    assert words in ran.err
    assert not (workplace / "none").exists()
