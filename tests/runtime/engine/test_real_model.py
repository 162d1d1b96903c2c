"""The engine on llama.cpp and a real chat model. `make test` sets the two variables."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.backend import LlamaBackend
from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import LibraryError, ModelError
from llamapack_runtime.engine.lib import load_library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.step import Chunk
from llamapack_runtime.engine.types import Request, SamplingParams
from runtime.engine.listener import Listener

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# More than one would wait for each other whenever another process runs on this computer.
THREADS = 1
GREEDY = SamplingParams(temperature=0.0)
QUESTIONS = (
    "Name the capital of France.",
    "Count from one to ten in words.",
    "Why is the sky blue? Answer in two sentences.",
    "Write a short poem about a cat.",
)
# Best first. These keep the weights where they are mapped; AMX would copy them into its layout.
VARIANTS = ("haswell", "sse42", "x64", "armv8.2_1", "armv8.0_1", "m1")


def path_from(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set; `make test` sets it")
    return Path(value)


@pytest.fixture(scope="module")
def library_folder() -> Path:
    """The folder, with llama.cpp loaded from it into this process."""
    folder = path_from("LLAMAPACK_TEST_LIBRARIES")
    for path in (path for name in VARIANTS for path in folder.glob(f"*ggml-cpu-{name}.*")):
        try:
            load_library(folder, path)
        except LibraryError:
            continue  # it does not run on this processor
        return folder
    pytest.skip(f"no CPU variant in {folder} runs here")


@pytest.fixture(scope="module")
def model_path(library_folder: Path) -> Path:
    assert library_folder.is_dir()
    return path_from("LLAMAPACK_TEST_MODEL")


@pytest.fixture(scope="module")
def smol_model(model_path: Path) -> Iterator[Model]:
    with Model.open(model_path, 0, model_path.stat().st_size) as model:
        yield model


@contextmanager
def session(
    model: Model, *, n_ctx: int = 2048, n_seq_max: int = 4, n_batch: int = 512
) -> Iterator[Session]:
    context = Context(
        model,
        n_ctx=n_ctx,
        n_seq_max=n_seq_max,
        n_batch=n_batch,
        n_ubatch=n_batch,
        n_threads=THREADS,
        n_threads_batch=THREADS,
    )
    context.warm_up()
    assert model.chat_template is not None
    template = ChatTemplate(
        model.chat_template, bos_token=model.bos_token, eos_token=model.eos_token
    )
    engine = Engine(LlamaBackend(model, context))
    try:
        yield Session(engine, model, template, n_ctx=context.n_ctx)
    finally:
        engine.close()


def ask(
    session: Session,
    question: str,
    name: str = "a",
    *,
    sampling: SamplingParams = GREEDY,
    max_tokens: int | None = 40,
    stop: Sequence[str] = (),
) -> Listener:
    listener = Listener()
    prompt = session.chat_prompt([Message("user", question)])
    request = Request(name, prompt, sampling, max_tokens, tuple(stop))
    session.submit(request, listener)
    return listener


def answer(session: Session, question: str, **options: object) -> str:
    listener = ask(session, question, **options)  # type: ignore[arg-type]  # passed on as they are
    listener.finished()
    return listener.text


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


def test_greedy_text_is_sane(smol_model: Model) -> None:
    with session(smol_model) as chat:
        assert "Paris" in answer(chat, QUESTIONS[0])


def test_mixed_requests_in_one_batch_answer_as_alone(smol_model: Model) -> None:
    """llama.cpp computes a row with other kernels when there are more rows beside it, so the
    logits differ in their last bits and a near tie may fall the other way. Most answers must be
    equal to the letter, and each must begin the same: a mix-up of sequences changes them all."""
    with session(smol_model) as chat:
        alone = [answer(chat, question) for question in QUESTIONS]
        listeners = [ask(chat, question, str(i)) for i, question in enumerate(QUESTIONS)]
        assert [listener.finished().reason for listener in listeners]
        together = [listener.text for listener in listeners]
    same = sum(a == b for a, b in zip(alone, together, strict=True))
    assert same >= 2, (alone, together)
    assert all(a[:12] == b[:12] for a, b in zip(alone, together, strict=True))


def test_logits_in_a_batch_are_those_alone_within_rounding(smol_model: Model) -> None:
    prompts = [smol_model.tokenize(q, add_special=True, parse_special=True) for q in QUESTIONS]
    chunks = [Chunk(str(i), i, 0, prompt, True) for i, prompt in enumerate(prompts)]
    with Context(
        smol_model,
        n_ctx=512,
        n_seq_max=4,
        n_batch=256,
        n_ubatch=256,
        n_threads=THREADS,
        n_threads_batch=THREADS,
    ) as context:
        together = logits(context, chunks)
        for chunk, expected in zip(chunks, together, strict=True):
            for slot in range(4):
                context.remove(slot, -1, -1)
            (found,) = logits(context, [chunk])
            difference = max(abs(a - b) for a, b in zip(found, expected, strict=True))
            assert difference < 0.5, "logits span about 40"


def logits(context: Context, chunks: list[Chunk]) -> list[list[float]]:
    from llamapack_runtime.engine.lib import library  # the module exists once it is loaded

    assert context.decode(chunks) == "ok"
    rows, end = [], 0
    for chunk in chunks:
        end += len(chunk.tokens)
        pointer = library().llama_get_logits_ith(context.handle, end - 1)
        rows.append(pointer[: context.model.n_vocab])
    return rows


def test_seeds_reproduce(smol_model: Model) -> None:
    warm = SamplingParams(temperature=1.5, seed=7)
    with session(smol_model) as chat:
        first, again = (answer(chat, QUESTIONS[3], sampling=warm) for _ in range(2))
        other = answer(chat, QUESTIONS[3], sampling=replace(warm, seed=8))
        drawn = {answer(chat, QUESTIONS[3], sampling=replace(warm, seed=None)) for _ in range(3)}
    assert first == again
    assert first != other
    assert len(drawn) > 1


def test_penalties_change_what_is_repeated(smol_model: Model) -> None:
    penalised = replace(GREEDY, repeat_penalty=1.8, presence_penalty=1.5, frequency_penalty=1.0)
    with session(smol_model) as chat:
        assert answer(chat, "Say no ten times.") != answer(
            chat, "Say no ten times.", sampling=penalised
        )


def test_cancel_frees_the_slot(smol_model: Model) -> None:
    with session(smol_model, n_seq_max=1) as chat:
        endless = ask(chat, "Tell a very long story.", "a", max_tokens=None)
        endless.wait_for_text()
        chat.abort("a")
        assert endless.finished().reason == "aborted"
        assert chat.stats().kv_used == 0
        assert "Paris" in answer(chat, QUESTIONS[0], name="b")


def test_stop_strings(smol_model: Model) -> None:
    with session(smol_model) as chat:
        whole = answer(chat, QUESTIONS[1])
        middle = whole[len(whole) // 2 :][:4]
        listener = ask(chat, QUESTIONS[1], stop=[middle])
        assert listener.finished().stop_sequence == middle
    assert listener.text == whole[: whole.index(middle)]


def test_characters_of_several_tokens_come_whole(smol_model: Model) -> None:
    with session(smol_model) as chat:
        text = answer(chat, "Repeat exactly: 😀 🎉 日本語 😀 🎉 日本語", max_tokens=60)
    assert "\ufffd" not in text.rstrip("\ufffd")
    assert any(ord(character) > 0x2000 for character in text)


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(smol_model: Model) -> None:
    with session(smol_model, n_ctx=256) as chat:
        prompt = chat.chat_prompt([Message("user", "word " * 400)])
        listener = Listener()
        chat.submit(Request("a", prompt), listener)
        failure = listener.failed()
    assert (failure.status, failure.code) == (400, "context_length_exceeded")
    assert {str(len(prompt)), "256"} <= set(re.findall(r"\d+", failure.message))


def test_a_lone_request_fills_the_context_and_ends_with_length(smol_model: Model) -> None:
    with session(smol_model, n_ctx=256, n_seq_max=1) as chat:
        prompt = chat.text_prompt("one two three " * 70)
        listener = Listener()
        chat.submit(Request("a", prompt, GREEDY), listener)
        end = listener.finished()
        assert end.reason == "length"
        assert end.prompt_tokens + end.completion_tokens == 257
        assert "Paris" in answer(chat, QUESTIONS[0])


def test_pause_and_resume_gives_the_same_greedy_text(smol_model: Model) -> None:
    """Two answers that do not fit together: the younger is paused, and computed again."""
    prompts = ["Once upon a time there was a king", "The list of numbers: 1, 2, 3, 4, 5"]
    with session(smol_model, n_ctx=256, n_seq_max=2) as chat:
        alone, together = [Listener(), Listener()], [Listener(), Listener()]
        requests = [
            Request(str(i), chat.text_prompt(prompt), GREEDY, 150)
            for i, prompt in enumerate(prompts)
        ]
        for request, listener in zip(requests, alone, strict=True):
            chat.submit(request, listener)
            listener.finished()
        prompt_tokens = chat.stats().prompt_tokens
        for request, listener in zip(requests, together, strict=True):
            chat.submit(request, listener)
        assert [listener.finished().completion_tokens for listener in together] == [150, 150]
        assert chat.stats().prompt_tokens == 2 * prompt_tokens
    for one, other in zip(alone, together, strict=True):
        assert one.text[:60] == other.text[:60]


def test_twenty_requests_over_four_slots_all_complete(smol_model: Model) -> None:
    with session(smol_model, n_ctx=512) as chat:
        listeners = [ask(chat, QUESTIONS[i % 4], str(i), max_tokens=20) for i in range(20)]
        ends = [listener.finished() for listener in listeners]
        assert chat.stats().busy == 0
    assert all(end.completion_tokens for end in ends)
    assert len({listener.text[:10] for listener in listeners}) >= 4


def test_close_interrupts_a_long_prompt(smol_model: Model) -> None:
    with session(smol_model, n_ctx=8192, n_batch=4096, n_seq_max=1) as chat:
        listener = Listener()
        chat.submit(Request("a", chat.text_prompt("word " * 4000)), listener)
        begin = time.monotonic()
        chat.close()
        took_s = time.monotonic() - begin
        assert listener.failed().code == "shutting_down"
    assert took_s < 2.0


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
