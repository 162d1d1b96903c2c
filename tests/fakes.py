"""Stand-ins for a model: deterministic, instant, and strict about how they are used."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import DecodeError
from llamapack_runtime.engine.step import Chunk, Copy, DecodeOutcome, Remove, Shift
from llamapack_runtime.engine.types import SamplingParams


class ByteTokenizer:
    """One token per byte of UTF-8; from 256 on the special tokens."""

    SPECIALS = ("<|begin|>", "<|end|>", "<|im_start|>", "<|im_end|>")
    BOS, END, IM_START, IM_END = range(256, 260)

    bos_token = SPECIALS[0]
    eos_token = SPECIALS[1]
    n_vocab = 260

    def __init__(self, *, adds_bos: bool = True) -> None:
        self._adds_bos = adds_bos

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> tuple[int, ...]:
        tokens = [self.BOS] if add_special and self._adds_bos else []
        while text:
            special = self._special_at_start(text) if parse_special else None
            if special is None:
                tokens += text[0].encode("utf-8", "replace")
                text = text[1:]
            else:
                tokens.append(256 + special)
                text = text.removeprefix(self.SPECIALS[special])
        return tuple(tokens)

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""

    def is_end(self, token: int) -> bool:
        return token in (self.END, self.IM_END)

    def _special_at_start(self, text: str) -> int | None:
        for index, special in enumerate(self.SPECIALS):
            if text.startswith(special):
                return index
        return None


class FakeSampler:
    """Chooses what the model's logits say; counts, so that a test can see it is closed."""

    def __init__(self, model: FakeModel, params: SamplingParams) -> None:
        self._model = model
        self.params = params
        self.is_closed = False

    def sample(self, row: int) -> int:
        assert not self.is_closed, "a sampler was used after its end"
        return self._model.logits[row]

    def close(self) -> None:
        self.is_closed = True


@dataclass(eq=False, slots=True)
class Cell:
    """A place in the cache; sequences that share it hold the same object."""

    token: int


class FakeCache:
    """The tokens of every slot, in cells that can be shared. Strict about order and room."""

    def __init__(self, n_cells: int, n_slots: int) -> None:
        self.n_cells = n_cells
        self.slots: dict[int, list[Cell]] = {slot: [] for slot in range(n_slots)}

    def tokens(self, slot: int) -> list[int]:
        return [cell.token for cell in self.slots[slot]]

    def perform(self, operation: Remove | Copy | Shift) -> None:
        match operation:
            case Remove(slot, start):
                del self.slots[slot][start:]
            case Copy(source, target, start, end):
                assert len(self.slots[target]) == start, "the copied part leaves a gap"
                assert len(self.slots[source]) >= end, "the source does not have that much"
                self.slots[target] += self.slots[source][start:end]
            case Shift(slot, start, end):
                others = {id(c) for s, row in self.slots.items() if s != slot for c in row}
                assert not others & {id(c) for c in self.slots[slot]}, "shared cells were moved"
                del self.slots[slot][start:end]

    def extend(self, slot: int, start: int, tokens: Sequence[int]) -> None:
        assert len(self.slots[slot]) == start, f"positions of slot {slot} have a gap"
        self.slots[slot] += map(Cell, tokens)
        assert self.used <= self.n_cells, "more cells used than there are"

    def save(self, slot: int) -> bytes:
        return repr(self.tokens(slot)).encode()

    def restore(self, slot: int, data: bytes | bytearray | memoryview) -> bool:
        assert not self.slots[slot], "a state is put back into an empty slot"
        if not bytes(data).startswith(b"["):
            return False
        self.extend(slot, 0, list(map(int, bytes(data)[1:-1].split(b","))))
        return True

    @property
    def used(self) -> int:
        return len({id(cell) for row in self.slots.values() for cell in row})


class FakeModel(ByteTokenizer):
    """A backend whose every sequence answers `reply` and then ends; with no reply, each token is
    a function of all tokens before it (and it never ends), so that a mix-up changes the text.

    It checks what llama.cpp would punish: positions without gaps, cells within `n_ctx`, batches
    within `n_batch`, logits asked for before they are read.

    `step_s`: what a step takes, so that an endless answer leaves the processor to others;
    `token_s`: what each of its tokens takes in addition.
    `gate`: each decode first waits for it, so a test can hold a step. `decoding` is set when a
    decode begins. `outcomes`: what the next decodes return or raise instead of computing.
    """

    def __init__(
        self,
        reply: str | bytes | None = None,
        *,
        n_ctx: int = 512,
        n_seq_max: int = 4,
        n_batch: int = 64,
        gate: threading.Event | None = None,
        step_s: float = 0.0,
        token_s: float = 0.0,
        adds_bos: bool = True,
        can_truncate: bool = True,
    ) -> None:
        super().__init__(adds_bos=adds_bos)
        self.n_ctx = n_ctx
        self.n_seq_max = n_seq_max
        self.n_batch = max(n_batch, n_seq_max)
        self.reply = reply.encode() if isinstance(reply, str) else reply
        self.gate = gate
        self.step_s = step_s
        self.token_s = token_s
        self.decoding = threading.Event()
        self.interrupted = threading.Event()
        self.is_closed = False
        self.outcomes: list[DecodeOutcome | Exception] = []
        self.n_threads = 1
        self.can_truncate = can_truncate
        self.can_shift = can_truncate
        self.cache = FakeCache(n_ctx, n_seq_max)
        self.perform = self.cache.perform
        self.save = self.cache.save
        self.restore = self.cache.restore
        self.batches: list[tuple[Chunk, ...]] = []
        self.logits: dict[int, int] = {}
        self.samplers: list[FakeSampler] = []
        self._prompt_lengths: dict[str, int] = {}

    def decode(self, chunks: Sequence[Chunk]) -> DecodeOutcome:
        assert not self.is_closed, "decode after close"
        self.decoding.set()
        if not self._pass_gate():
            return "aborted"
        if self.outcomes:
            outcome = self.outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        if self.step_s or self.token_s:
            n_tokens = sum(len(chunk.tokens) for chunk in chunks)
            time.sleep(self.step_s + self.token_s * n_tokens)
        self.batches.append(tuple(chunks))
        self.logits = self._compute(chunks)
        return "ok"

    def create_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int]) -> FakeSampler:
        assert prompt_tokens, "a sampler is made for a prompt"
        self.samplers.append(FakeSampler(self, params))
        return self.samplers[-1]

    def interrupt(self) -> None:
        self.interrupted.set()
        if self.gate is not None:
            self.gate.set()

    def close(self) -> None:
        assert all(sampler.is_closed for sampler in self.samplers), "a sampler was left open"
        self.is_closed = True

    def _pass_gate(self) -> bool:
        if self.gate is not None:
            assert self.gate.wait(timeout=30), "nobody opened the gate"
        return not self.interrupted.is_set()

    def _compute(self, chunks: Sequence[Chunk]) -> dict[int, int]:
        total = sum(len(chunk.tokens) for chunk in chunks)
        if not 0 < total <= self.n_batch:
            raise DecodeError(f"{total} tokens in a batch of {self.n_batch}")
        logits, end = {}, 0
        for chunk in chunks:
            assert all(0 <= token < self.n_vocab for token in chunk.tokens)
            self.cache.extend(chunk.slot, chunk.start, chunk.tokens)
            held = self.cache.tokens(chunk.slot)
            end += len(chunk.tokens)
            for back in range(chunk.n_logits - 1, -1, -1):
                logits[end - 1 - back] = self._next(chunk.request_id, held[: len(held) - back])
        return logits

    def _next(self, request_id: str, cells: list[int]) -> int:
        if self.reply is None:
            return ord("a") + (sum(i * token for i, token in enumerate(cells, 1)) % 26)
        n_prompt = self._prompt_lengths.setdefault(request_id, len(cells))
        position = len(cells) - n_prompt
        return self.reply[position] if position < len(self.reply) else self.END


def fake_session(reply: str | None = "Hello!", **model_options: object) -> Session:
    """A session over a FakeModel that answers `reply`. Options are FakeModel's; the model itself
    can be reached as the session's `vocabulary`."""
    model = FakeModel(reply, **model_options)  # type: ignore[arg-type]  # passed on as they are
    template = ChatTemplate(CHATML, bos_token=model.bos_token, eos_token=model.eos_token)
    return Session(Engine(model), model, template, n_ctx=model.n_ctx)
