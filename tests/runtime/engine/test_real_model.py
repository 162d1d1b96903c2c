"""The model on llama.cpp: metadata, tokens, where it is mapped, and damaged files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from llamapack_runtime.engine.errors import LibraryError, ModelError
from llamapack_runtime.engine.lib import load_library
from llamapack_runtime.engine.model import Model
from make_gguf import CHATML, make_gguf
from runtime.engine.real_session import QUESTIONS, answer, session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_the_model_describes_itself(smol_model: Model) -> None:
    assert smol_model.metadata["general.architecture"] == "llama"
    assert smol_model.n_ctx_train == 8192
    assert 130e6 < smol_model.n_params < 140e6
    assert 90e6 < smol_model.size_bytes < 100e6
    assert (smol_model.bos_token, smol_model.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert smol_model.chat_template is not None
    assert "Q4_1" in smol_model.description


@pytest.mark.parametrize(
    "text", ["", "Hello, world!", "😀 naïve 日本語\n\n\t  end", "a\x00b", "<|im_end|>"]
)
def test_tokens_give_back_the_text(smol_model: Model, text: str) -> None:
    tokens = smol_model.tokenize(text, add_special=False, parse_special=False)
    assert b"".join(smol_model.piece(token) for token in tokens).decode() == text


def test_special_tokens_are_parsed_only_when_asked(smol_model: Model) -> None:
    (end,) = smol_model.tokenize("<|im_end|>", add_special=False, parse_special=True)
    assert smol_model.is_end(end)
    assert smol_model.piece(end) == b""
    assert len(smol_model.tokenize("<|im_end|>", add_special=False, parse_special=False)) > 1


def test_lone_surrogates_do_not_break_the_tokenizer(smol_model: Model) -> None:
    assert smol_model.tokenize("a\ud800b", add_special=False, parse_special=True)


def test_a_token_that_does_not_exist_has_no_piece(smol_model: Model) -> None:
    with pytest.raises(ModelError, match="999999"):
        smol_model.piece(999_999)


def test_progress_is_reported_and_may_stop_the_loading(model_path: Path) -> None:
    seen: list[float] = []
    size = model_path.stat().st_size
    Model.open(model_path, 0, size, on_progress=seen.append).close()
    assert seen == sorted(seen)
    assert seen[-1] == 1.0

    def refuse(_done: float) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError):
        Model.open(model_path, 0, size, on_progress=refuse)


def test_a_model_inside_a_larger_file_is_mapped_in_place(model_path: Path, tmp_path: Path) -> None:
    offset, size = 65536 * 3, model_path.stat().st_size
    pack = tmp_path / "a päck"
    with pack.open("wb") as out, model_path.open("rb") as source:
        out.seek(offset)
        shutil.copyfileobj(source, out, 1 << 20)
        out.write(b"PK" * 50_000)
    with Model.open(pack, offset, size) as model, session(model, n_ctx=256) as chat:
        assert "Paris" in answer(chat, QUESTIONS[0])
        mapped, resident, anonymous = mapping_of(pack)
    assert mapped > 0.9 * size
    assert resident > 0.9 * model_size(model_path)
    assert anonymous == 0


def mapping_of(path: Path) -> tuple[int, int, int]:
    """Bytes mapped from the file, of those in memory, and of those private copies."""
    totals = {"Size": 0, "Rss": 0, "Anonymous": 0}
    inside = False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        key, _, rest = line.partition(":")
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = line.endswith(str(path))
        elif inside and key in totals:
            totals[key] += int(rest.split()[0]) * 1024
    return totals["Size"], totals["Rss"], totals["Anonymous"]


def model_size(path: Path) -> int:
    with Model.open(path, 0, path.stat().st_size) as model:
        return model.size_bytes


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[: len(data) // 2], "tensor"),
        (lambda data: data[:100], "cannot be loaded"),
        (lambda _: b"GGUF" + b"\xff" * 200, "cannot be loaded"),
        (lambda data: b"NOPE" + data[4:], "no GGUF"),
        (lambda _: b"", "no GGUF"),
        (lambda data: data.replace(b"\0\0\0llama", b"\0\0\0lhama", 1), "lhama"),
    ],
    ids=["half", "header", "lengths", "magic", "empty", "architecture"],
)  # fmt: skip
def test_a_damaged_model_is_refused_with_a_sentence(
    model_path: Path, tmp_path: Path, damage: object, words: str
) -> None:
    assert callable(damage)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(damage(model_path.read_bytes()))
    with pytest.raises(ModelError, match=words) as raised:
        Model.open(broken, 0, broken.stat().st_size)
    assert str(raised.value).endswith(".")


def test_a_model_that_ends_beyond_its_file_is_refused(model_path: Path) -> None:
    size = model_path.stat().st_size
    with pytest.raises(ModelError, match="cut off"):
        Model.open(model_path, 4096, size)


def test_a_missing_model_is_refused(library_folder: Path) -> None:
    with pytest.raises(ModelError, match="none"):
        Model.open(library_folder / "none.gguf", 0, 10)


def test_a_closed_model_refuses_instead_of_crashing(model_path: Path) -> None:
    model = Model.open(model_path, 0, model_path.stat().st_size)
    model.close()
    model.close()
    with pytest.raises(ModelError, match="closed"):
        model.tokenize("x", add_special=True, parse_special=True)


def test_other_libraries_are_refused_once_loaded(library_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="already loaded"):
        load_library(tmp_path, tmp_path / "x.so")
    assert library_folder.is_dir()


def test_a_model_may_have_a_second_chat_template(library_folder: Path, tmp_path: Path) -> None:
    assert library_folder.is_dir()
    templates = {"tokenizer.chat_template.tool_use": "{{ tools }}"}
    path = make_gguf(tmp_path / "two.gguf", extra=templates)
    with Model.open(path, 0, path.stat().st_size) as model:
        assert model.named_chat_template("tool_use") == "{{ tools }}"
        assert model.named_chat_template("rag") is None
        assert model.chat_template == CHATML
