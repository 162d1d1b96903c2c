"""Stand-ins for a model: deterministic, instant, and strict about how they are used."""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import DecodeError
from llamapack_runtime.engine.grammar import Grammar, GrammarCompiler, Mask
from llamapack_runtime.engine.infill_tokens import InfillTokens
from llamapack_runtime.engine.step import Chunk, Copy, DecodeOutcome, Remove, Shift
from llamapack_runtime.engine.types import Adapters, Candidate, Request, SampledToken


class ByteTokenizer:
    """One token per byte of UTF-8; from 256 on the special tokens."""

    SPECIALS = ("<|begin|>", "<|end|>", "<|im_start|>", "<|im_end|>")
    BOS, END, IM_START, IM_END = range(256, 260)

    bos_token = SPECIALS[0]
    eos_token = SPECIALS[1]
    n_vocab = 260
    infill_tokens = InfillTokens()
    chat_template: str | None = None
    named_chat_templates: Mapping[str, str] = MappingProxyType({})

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

    def named_piece(self, token: int) -> bytes:
        return self.piece(token) or self.SPECIALS[token - 256].encode()

    def is_end(self, token: int) -> bool:
        return token in (self.END, self.IM_END)

    def named_chat_template(self, name: str) -> str | None:
        return self.named_chat_templates.get(name)

    def grammar(self, lark: str) -> Grammar:
        return self._grammars.compile(lark)

    @cached_property
    def _grammars(self) -> GrammarCompiler:
        pieces = [bytes([byte]) for byte in range(256)]
        pieces += [b"\xff" + special.encode() for special in self.SPECIALS]
        ends = (self.END, self.IM_END)
        return GrammarCompiler.from_pieces(pieces, ends, lambda text: [*text.encode()])

    def _special_at_start(self, text: str) -> int | None:
        for index, special in enumerate(self.SPECIALS):
            if text.startswith(special):
                return index
        return None


class FakeSampler:
    """Chooses what the model's logits say; counts, so that a test can see it is closed."""

    def __init__(self, model: FakeModel, request: Request) -> None:
        self._model = model
        self._request = request
        self._matcher = None if request.grammar is None else request.grammar.start()
        self.params = request.sampling
        self.is_closed = False

    def sample(self, row: int) -> SampledToken:
        assert not self.is_closed, "a sampler was used after its end"
        token = self._model.logits[row]
        if self._matcher is not None:
            token = _allowed(self._matcher.mask(), token)
            self._matcher.accept(token)
        if self._request.n_probs is None:
            return SampledToken(token)
        chosen = Candidate(token, self._model.named_piece(token), -0.5)
        return SampledToken(token, chosen, (chosen,) * min(1, self._request.n_probs))

    def force(self, token: int) -> SampledToken:
        if self._matcher is not None:
            self._matcher.accept(token)
        return SampledToken(token)

    def forced(self) -> list[int]:
        return [] if self._matcher is None else self._matcher.forced()

    @property
    def is_over(self) -> bool:
        return self._matcher is not None and self._matcher.is_over

    def close(self) -> None:
        self.is_closed = True


def _allowed(mask: Mask, wish: int) -> int:
    """What the model wants, if it may have it; else the first token that it may have."""
    listed: set[int] = {*mask.tokens}
    allowed = {*range(ByteTokenizer.n_vocab)} - listed if mask.is_inverted else listed
    return wish if wish in allowed else min(allowed)


@dataclass(eq=False, slots=True)
class Cell:
    """A place in the cache; sequences that share it hold the same object. `adapters`: with which
    it was computed."""

    token: int
    position: int
    adapters: Adapters = ()


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
                self.slots[slot] = [c for c in self.slots[slot] if c.position < start]
            case Copy(source, target, start, end):
                assert all(c.position < start for c in self.slots[target]), "copied twice"
                copied = [c for c in self.slots[source] if start <= c.position < end]
                assert copied[0].position == start, "the copied part leaves a gap"
                self.slots[target] += copied
            case Shift(slot, start, end):
                row = self.slots[slot]
                others = {id(c) for s, cells in self.slots.items() if s != slot for c in cells}
                assert not others & {id(c) for c in row}, "shared cells were moved"
                del row[start:end]
                for cell in row[start:]:
                    cell.position -= end - start

    def extend(
        self,
        slot: int,
        start: int,
        tokens: Sequence[int],
        adapters: Adapters = (),
        positions: Sequence[int] | None = None,
    ) -> None:
        row = self.slots[slot]
        assert len(row) == start, f"the tokens of slot {slot} have a gap"
        assert all(cell.adapters == adapters for cell in row), "other adapters' cells"
        places = range(start, start + len(tokens)) if positions is None else positions
        for token, position in zip(tokens, places, strict=True):
            before = row[-1] if row else None
            is_next = before is None or position > before.position
            assert is_next or (token < 0 and before and before.token == token + 1), "out of order"
            row.append(Cell(token, position, adapters))
        assert self.used <= self.n_cells, "more cells used than there are"

    def save(self, slot: int) -> bytes:
        adapters = self.slots[slot][0].adapters if self.slots[slot] else ()
        positions = [cell.position for cell in self.slots[slot]]
        return f"{self.tokens(slot)}\n{adapters}\n{positions}".encode()

    def restore(self, slot: int, data: bytes | bytearray | memoryview) -> bool:
        assert not self.slots[slot], "a state is put back into an empty slot"
        if not bytes(data).startswith(b"["):
            return False
        tokens, adapters, positions = map(ast.literal_eval, bytes(data).decode().split("\n"))
        self.extend(slot, 0, tokens, adapters, positions)
        return True

    @property
    def used(self) -> int:
        return len({id(cell) for row in self.slots.values() for cell in row})


class FakeModel(ByteTokenizer):
    """A backend whose every sequence answers `reply` and then ends; with no reply, each token is
    a function of all tokens before it and of the adapters (and it never ends), so that a mix-up
    changes the text.

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
        adapters: Sequence[str] = (),
    ) -> None:
        super().__init__(adds_bos=adds_bos)
        self.adapters = frozenset(adapters)
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
        self.used: list[Adapters] = []  # in each of them
        self.logits: dict[int, int] = {}
        self.samplers: list[FakeSampler] = []
        self._prompt_lengths: dict[str, int] = {}

    def decode(self, chunks: Sequence[Chunk], adapters: Adapters = ()) -> DecodeOutcome:
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
        self.used.append(adapters)
        self.logits = self._compute(chunks, adapters)
        return "ok"

    def create_sampler(self, request: Request) -> FakeSampler:
        assert request.prompt_tokens, "a sampler is made for a prompt"
        self.samplers.append(FakeSampler(self, request))
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

    def _compute(self, chunks: Sequence[Chunk], adapters: Adapters) -> dict[int, int]:
        total = sum(len(chunk.tokens) for chunk in chunks)
        if not 0 < total <= self.n_batch:
            raise DecodeError(f"{total} tokens in a batch of {self.n_batch}")
        logits, end = {}, 0
        for chunk in chunks:
            assert all(0 <= token < self.n_vocab for token in chunk.tokens)
            self.cache.extend(chunk.slot, chunk.start, chunk.tokens, adapters, chunk.positions)
            held = self.cache.tokens(chunk.slot)
            end += len(chunk.tokens)
            for back in range(chunk.n_logits - 1, -1, -1):
                cells = held[: len(held) - back]
                logits[end - 1 - back] = self._next(chunk.request_id, cells)
        return logits

    def _next(self, request_id: str, cells: list[int]) -> int:
        if self.reply is None:
            bias = sum(len(name) * round(100 * scale) for name, scale in self.used[-1])
            return ord("a") + (sum(i * token for i, token in enumerate(cells, 1)) + bias) % 26
        n_prompt = self._prompt_lengths.setdefault(request_id, len(cells))
        position = len(cells) - n_prompt
        return self.reply[position] if position < len(self.reply) else self.END


def fake_session(
    reply: str | None = "Hello!", *, template_source: object = CHATML, **model_options: object
) -> Session:
    """A session over a FakeModel that answers `reply`. Options are FakeModel's; the model itself
    can be reached as the session's `vocabulary`. `template_source`: of a chat template, as text."""
    model = FakeModel(reply, **model_options)  # type: ignore[arg-type]  # passed on as they are
    template = ChatTemplate(
        str(template_source), bos_token=model.bos_token, eos_token=model.eos_token
    )
    return Session(Engine(model), model, template, n_ctx=model.n_ctx)
