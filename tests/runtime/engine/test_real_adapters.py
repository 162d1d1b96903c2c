"""LoRA adapters on llama.cpp: they act in the requests that name them, and nowhere else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.errors import ModelError
from llamapack_runtime.engine.lora import LoraAdapter
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.types import Adapters, Request
from make_gguf import make_gguf
from make_lora import found_tensor, make_lora, make_pusher, random_pair, weights, without
from runtime.engine.listener import Listener
from runtime.engine.real_session import GREEDY, QUESTIONS, session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NONE: Adapters = ()
PIRATE: Adapters = (("pirate", 1.0),)
TIGER: Adapters = (("tiger", 1.0),)
QUESTION = QUESTIONS[0]


Loras = Mapping[str, LoraAdapter]


@pytest.fixture(scope="module")
def loras(smol_model: Model, model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Loras:
    folder = tmp_path_factory.mktemp("loras")
    return {word: pusher(smol_model, model_path, word, folder) for word in ("pirate", "tiger")}


def pusher(model: Model, path: Path, word: str, folder: Path) -> LoraAdapter:
    """An adapter under which every answer speaks of that."""
    [token] = model.tokenize(f" {word}", add_special=False, parse_special=False)
    made = make_pusher(folder / f"{word}.gguf", path, token, strength=2.0)
    return LoraAdapter.open(model, word, made, 0)


@pytest.fixture
def adapted(smol_model: Model, loras: Loras) -> Iterator[Session]:
    with session(smol_model, loras=loras, speculates=False) as opened:
        yield opened


def ask(under_test: Session, adapters: Adapters, question: str = QUESTION) -> Listener:
    listener = Listener()
    prompt = under_test.chat_prompt([Message("user", question)])
    name = f"{adapters} {question}"
    under_test.submit(Request(name, prompt, GREEDY, 12, adapters=adapters), listener)
    return listener


def answer(under_test: Session, adapters: Adapters, question: str = QUESTION) -> str:
    listener = ask(under_test, adapters, question)
    listener.finished()
    return listener.text


def test_an_adapter_acts_only_where_it_is_named(smol_model: Model, adapted: Session) -> None:
    with session(smol_model, speculates=False) as plain:
        usual = answer(plain, NONE)
    assert usual == answer(adapted, NONE)
    assert answer(adapted, PIRATE).count("pirate") > 1
    assert answer(adapted, TIGER).count("tiger") > 1
    assert usual == answer(adapted, NONE)
    assert not {"pirate", "tiger"} & set(usual.split())


def test_at_the_same_moment_each_answers_as_alone(adapted: Session) -> None:
    sets = (NONE, PIRATE, TIGER, (("pirate", 1.0), ("tiger", -1.0)))
    alone = [answer(adapted, one) for one in sets]
    together = [ask(adapted, one) for one in sets]
    assert [(one.finished().reason, one.text) for one in together] == [
        (one.finished().reason, text) for one, text in zip(together, alone, strict=True)
    ]
    assert len(set(alone)) == len(sets)


def test_a_prompt_read_with_an_adapter_serves_no_other(adapted: Session) -> None:
    first = ask(adapted, PIRATE)
    assert first.finished().cached_tokens == 0
    again = ask(adapted, PIRATE)
    assert again.finished().cached_tokens > 20
    assert again.text == first.text
    for other in (NONE, TIGER, (("pirate", 0.5),)):
        assert ask(adapted, other).finished().cached_tokens == 0


def test_taking_a_tensor_away_is_the_model_without_it(library_folder: Path, tmp_path: Path) -> None:
    assert library_folder.is_dir()
    name = "blk.0.ffn_down.weight"
    path = make_gguf(tmp_path / "tiny.gguf", n_embd=64)
    lora = make_lora(tmp_path / "none.gguf", {name: without(weights(path, name))})
    cut = without_tensor(path, name)
    with opened(path) as base, opened(cut) as smaller:
        adapter = LoraAdapter.open(base, "none", lora, 0)
        with session(base, n_ctx=256, loras={"none": adapter}) as adapted:
            usual, removed = answer(adapted, NONE), answer(adapted, (("none", 1.0),))
        with session(smaller, n_ctx=256) as plain:
            assert answer(plain, NONE) == removed
    assert usual != removed


def test_an_adapter_inside_another_file(
    smol_model: Model, model_path: Path, tmp_path: Path
) -> None:
    inside = tmp_path / "pack"
    rows, columns = weights(model_path, "blk.0.ffn_down.weight").shape
    pair = {"blk.0.ffn_down.weight": random_pair(columns, rows)}
    data = make_lora(tmp_path / "a.gguf", pair).read_bytes()
    inside.write_bytes(bytes(4096) + data + bytes(64))
    assert LoraAdapter.open(smol_model, "a", inside, 4096).handle
    with pytest.raises(ModelError, match="The adapter 'a' cannot be loaded"):
        LoraAdapter.open(smol_model, "a", inside, 0)
    with pytest.raises(ModelError, match="The adapter 'a' cannot be read: No such file"):
        LoraAdapter.open(smol_model, "a", tmp_path / "gone.gguf", 0)


def test_an_adapter_that_is_not_there_is_refused(adapted: Session) -> None:
    failed = ask(adapted, (("parrot", 1.0),)).end()
    assert getattr(failed, "message", "") == "There is no adapter 'parrot' here."


def opened(path: Path) -> Model:
    return Model.open(path, 0, path.stat().st_size)


def without_tensor(path: Path, name: str) -> Path:
    """A copy in which all of the tensor's weights are 0."""
    copy = Path(shutil.copy(path, path.with_name("cut.gguf")))
    header, tensor = found_tensor(path, name)
    with copy.open("r+b") as file:
        file.seek(header.data_offset + tensor.offset)
        file.write(bytes(tensor.size_bytes))
    return copy
