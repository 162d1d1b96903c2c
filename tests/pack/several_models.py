"""A real pack of several models: the demo model, the same with another character, and one that
makes embeddings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llamapack.build import build
from llamapack.image.store import load_image
from llamapack.inputs import resolve
from llamapack.models import read_further
from llamapack.options import BuildOptions
from llamapack.writing.copying import Advance
from make_bert_gguf import make_bert

FIRST, SECOND, EMBEDDER = "SmolLM2", "Pirate", "Search"

# In the demo model's chat template; of the same length, so that the file stays what it is.
_CHARACTER = b"You are a helpful AI assistant named SmolLM, trained by Hugging Face"
_OTHER = b"You are a pirate. You answer all questions with the word Arrr".ljust(len(_CHARACTER))


class _Quiet:
    """What a build tells, which nobody reads here."""

    def note(self, line: str) -> None: ...

    def warn(self, line: str) -> None: ...

    def start(self, label: str, total_bytes: int) -> Advance:  # noqa: ARG002 - as it is called
        return lambda _: None


def pack_of_several(folder: Path) -> Path:
    """Built as `llamapack build` builds it, of the image and the model that the tests are given."""
    image, model = (os.environ.get(f"LLAMAPACK_TEST_{name}") for name in ("IMAGE", "MODEL"))
    if not (image and model):
        pytest.skip("LLAMAPACK_TEST_IMAGE and LLAMAPACK_TEST_MODEL name no image and no model")
    first, second = folder / "first.gguf", folder / "second.gguf"
    first.symlink_to(model)
    data = first.read_bytes()
    assert data.count(_CHARACTER) == 1
    second.write_bytes(data.replace(_CHARACTER, _OTHER))
    make_bert(folder / "bert.gguf", n_ctx=512)
    quiet = _Quiet()
    files = (f"{SECOND}={second}", f"{EMBEDDER}={folder / 'bert.gguf'}")
    options = BuildOptions(
        model=resolve(str(first), quiet),
        output=folder / "pack",
        target="linux-x86_64",
        settings={"alias": FIRST},
        further=tuple(read_further(one, quiet) for one in files),
    )
    made = load_image(Path(image))
    build(options, lambda _target: made, quiet)
    second.unlink()
    return options.output
