"""`llamapack build` of models that do not chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Run
from llamapack.gguf_files.model import NO_TEMPLATE, read_model
from llamapack_runtime.pack import Pack
from make_bert_gguf import make_bert
from make_gguf import make_gguf


@pytest.mark.usefixtures("workplace")
def test_an_embedding_model_is_packed_without_a_warning(run: Run) -> None:
    path = make_gguf(
        Path("decoder.gguf"),
        chat_template=None,
        license_name="mit",
        extra={"llama.pooling_type": 3},
    )
    ran = run("build", path, "-o", "pack")
    assert (ran.code, ran.err) == (0, "")
    with Pack.open(Path("pack")) as pack:
        assert not pack.manifest.model.has_chat_template


@pytest.mark.usefixtures("workplace")
def test_it_takes_no_system_prompt(run: Run) -> None:
    path = make_gguf(Path("decoder.gguf"), chat_template=None, extra={"llama.pooling_type": 3})
    ran = run("build", path, "-o", "pack", "--system-prompt", "Be kind.")
    assert ran.code == 1
    assert "decoder.gguf does not chat" in ran.err
    assert not Path("pack").exists()


def test_a_bert_needs_no_chat_template(tmp_path: Path) -> None:
    model = read_model(make_bert(tmp_path / "bert.gguf"))
    assert (model.kind, model.warnings) == ("embedding", ())
    chat = read_model(make_gguf(tmp_path / "chat.gguf", chat_template=None))
    assert (chat.kind, chat.warnings) == ("chat", (NO_TEMPLATE,))
