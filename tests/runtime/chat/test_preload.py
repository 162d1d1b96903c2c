"""The packed system prompt is read once and found again by the next start, or read anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes import FakeModel
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.states import StateStore
from llamapack_runtime.engine.types import Finished, Request
from runtime.engine.listener import Listener

SYSTEM = "You are Ann, the caretaker of this house, and know all of its corners. " * 2


@dataclass(frozen=True, slots=True)
class Start:
    """What one start of the program answered, and how much of the prompt it had to compute."""

    text: str
    end: Finished
    prefix: tuple[int, ...]
    computed: int
    restored: int


@contextmanager
def started(folder: Path, system_prompt: str, **model_options: object) -> Iterator[Session]:
    """With one request at a time, so that the conversation begins when the prompt was read."""
    model = FakeModel(**model_options)  # type: ignore[arg-type]  # passed on as they are
    states = StateStore(
        ram_bytes=1 << 20, folder=folder, disk_bytes=1 << 20, fingerprint=b"the model"
    )
    template = ChatTemplate(CHATML, bos_token=model.bos_token, eos_token=model.eos_token)
    engine = Engine(model, states=states, n_parallel=1)
    session = Session(engine, model, template, n_ctx=model.n_ctx, system_prompt=system_prompt)
    try:
        session.preload()
        yield session
    finally:
        session.close()


def start(folder: Path, system_prompt: str = SYSTEM, question: str = "Who are you?") -> Start:
    with started(folder, system_prompt) as session:
        listener = Listener()
        prompt = session.chat_prompt([Message("user", question)])
        session.submit(Request("chat", prompt, max_tokens=20), listener)
        end = listener.finished()
        stats = session.stats()
        return Start(
            listener.text,
            end,
            session.system_prefix(),
            stats.prompt_tokens,
            stats.restored_tokens,
        )


def test_the_first_conversation_begins_after_the_system_prompt(tmp_path: Path) -> None:
    first = start(tmp_path / "states")
    assert len(first.prefix) > len(SYSTEM)
    assert first.end.cached_tokens == len(first.prefix)
    assert (first.computed, first.restored) == (first.end.prompt_tokens, 0)


def test_the_next_start_finds_it_on_disk(tmp_path: Path) -> None:
    first, second = start(tmp_path / "states"), start(tmp_path / "states")
    assert second.text == first.text
    assert second.restored >= len(second.prefix) - 1
    assert second.computed == second.end.prompt_tokens - len(second.prefix) + 1
    assert len(list((tmp_path / "states").iterdir())) == 1


def test_only_the_system_prompt_is_on_disk(tmp_path: Path) -> None:
    start(tmp_path / "states", question="MY SECRET")
    [file] = (tmp_path / "states").iterdir()
    secret = ", ".join(str(byte) for byte in b"MY SECRET").encode()
    shared = ", ".join(str(byte) for byte in SYSTEM.encode()).encode()
    assert shared in file.read_bytes(), "this is how the fake model writes a state"
    assert secret not in file.read_bytes()


def test_damage_means_reading_it_anew(tmp_path: Path) -> None:
    first = start(tmp_path / "states")
    [file] = (tmp_path / "states").iterdir()
    whole = file.read_bytes()
    for position in range(0, len(whole), 37):
        file.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        again = start(tmp_path / "states")
        assert (again.text, again.restored) == (first.text, 0)
        assert file.read_bytes() == whole, "and it is repaired"


def test_another_system_prompt_is_not_mistaken_for_it(tmp_path: Path) -> None:
    start(tmp_path / "states")
    other = start(tmp_path / "states", SYSTEM.replace("Ann", "Bob"))
    assert other.restored == 0
    assert other.text == start(tmp_path / "elsewhere", SYSTEM.replace("Ann", "Bob")).text


def test_a_longer_one_uses_the_part_that_is_known(tmp_path: Path) -> None:
    start(tmp_path / "states")
    longer = start(tmp_path / "states", SYSTEM + "Be brief.")
    assert longer.restored >= len(SYSTEM)
    assert longer.text == start(tmp_path / "elsewhere", SYSTEM + "Be brief.").text


def test_a_system_prompt_beyond_the_context_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with started(tmp_path / "states", "x" * 1000, n_ctx=256) as session:
        listener = Listener()
        session.submit(Request("chat", (1, 2, 3), max_tokens=1), listener)
        listener.finished()
    assert "The system prompt could not be read in advance" in caplog.text
