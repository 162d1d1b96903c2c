"""The tokens of a vocabulary that begin and end texts, as llama.cpp has them after it has read and
mended the GGUF's."""

from __future__ import annotations

from dataclasses import dataclass

from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.model import Model


@dataclass(frozen=True, slots=True)
class SpecialToken:
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """None where there is none. `ends` are all that end an answer."""

    bos: SpecialToken | None
    eos: SpecialToken | None
    eot: SpecialToken | None
    pad: SpecialToken | None
    ends: tuple[SpecialToken, ...]
    adds_bos: bool


def special_tokens(model: Model) -> SpecialTokens:
    lib, vocab = library(), model.vocab

    def token(number: int) -> SpecialToken | None:
        if not 0 <= number < model.n_vocab:
            return None
        return SpecialToken(number, model.named_piece(number).decode("utf-8", "replace"))

    ends = (token(number) for number in sorted(model.end_tokens))
    return SpecialTokens(
        bos=token(lib.llama_vocab_bos(vocab)),
        eos=token(lib.llama_vocab_eos(vocab)),
        eot=token(lib.llama_vocab_eot(vocab)),
        pad=token(lib.llama_vocab_pad(vocab)),
        ends=tuple(one for one in ends if one is not None),
        adds_bos=bool(lib.llama_vocab_get_add_bos(vocab)),
    )
