"""Whether a smaller model can guess the tokens of a larger one: both must mean the same by them.

The rules are those of llama.cpp's common_speculative_are_compatible: one kind of vocabulary, the
same marks at the beginning and the end, nearly as many tokens, and the same text for each of them
but the first five. What a header does not say is as llama.cpp takes it (llama-vocab.cpp)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Self

from llamapack_runtime.gguf_cursor import U64, GgufError
from llamapack_runtime.gguf_header import TYPE_STRING, ArrayInfo, GgufHeader, shown
from llamapack_runtime.model_kind import model_kind

MOST_DIFFERENT = 128
FIRST_COMPARED = 5
MAX_LIST_BYTES = 64 << 20
_KEY = "tokenizer.ggml."
_TOKENS = _KEY + "tokens"
# The list's record: length of the key, the key, the type of the value, that of the items, a count.
_LIST_HEAD = struct.Struct("<2IQ")
# Of each kind of vocabulary, where a header does not say it: the tokens of beginning and end.
_USUAL_MARKS: Mapping[str, tuple[int, int]] = {
    "llama": (1, 2),
    "gpt2": (11, 11),
    "bert": (101, -1),
    "t5": (-1, 1),
}
_BEGINS = ("llama", "bert")
_ENDS = ("t5",)
_BEGINNING_PRE = ("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "lfm2")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`facts` are what must be equal, in words; `texts` the tokens' records as the GGUF has them:
    the length of each before it."""

    facts: Mapping[str, str]
    count: int
    texts: bytes

    @classmethod
    def read(cls, file: BinaryIO, start: int, header: GgufHeader, what: str) -> Self:
        """Of the GGUF at byte `start` of `file`, whose own `header` was read before. GgufError when
        it has none; `what` begins the sentence. OSError."""
        tokens, place = header.metadata.get(_TOKENS), header.records.get(_TOKENS)
        is_list = isinstance(tokens, ArrayInfo) and tokens.element_type == TYPE_STRING
        if not is_list or place is None:
            raise GgufError(f"{what} has no list of tokens, so that nothing can guess for it.")
        assert isinstance(tokens, ArrayInfo), "seen above"
        begin = place[0] + U64.size + len(_TOKENS) + _LIST_HEAD.size
        if place[1] - begin > MAX_LIST_BYTES:
            raise GgufError(f"{what} has a list of tokens of more than {MAX_LIST_BYTES:,} bytes.")
        file.seek(start + begin)
        return cls(_facts(header), tokens.count, file.read(place[1] - begin))

    def __iter__(self) -> Iterator[bytes]:
        """The tokens' texts."""
        at, end = 0, len(self.texts)
        while at + U64.size <= end:
            (length,) = U64.unpack_from(self.texts, at)
            at += U64.size
            yield self.texts[at : at + length]
            at += length


def check_draft(draft: GgufHeader, model: GgufHeader, what: str) -> None:
    """GgufError when the two are not for that, whatever their vocabularies are. `what` is the
    draft, and begins the sentence."""
    if model_kind(model) != "chat":
        raise GgufError(f"{what} is of no use here: the model does not chat.")
    if model_kind(draft) != "chat":
        raise GgufError(
            f"{what} is a model for {model_kind(draft)}s, which cannot continue a text; take a "
            "small model that chats."
        )


def check_vocabularies(draft: Vocabulary, model: Vocabulary, what: str, model_name: str) -> None:
    """GgufError that says what is different first."""
    difference = _difference(draft, model, model_name)
    if difference is not None:
        raise GgufError(
            f"{what} cannot guess for {model_name}: {difference}. Take a small model of the same "
            "family, or leave the draft out."
        )


def _difference(draft: Vocabulary, model: Vocabulary, name: str) -> str | None:
    for fact, value in draft.facts.items():
        if model.facts[fact] != value:
            return f"its {fact} is {value}, and {model.facts[fact]} in {name}"
    if abs(draft.count - model.count) > MOST_DIFFERENT:
        return f"it has {draft.count:,} tokens, and {name} {model.count:,}"
    if draft.texts == model.texts:
        return None
    for number, (its, wanted) in enumerate(zip(draft, model, strict=False)):
        if number >= FIRST_COMPARED and its != wanted:
            return f"its token {number} is {_quoted(its)}, and {_quoted(wanted)} in {name}"
    return None


def _facts(header: GgufHeader) -> Mapping[str, str]:
    kind = header.metadata.get(_KEY + "model")
    kind = kind if isinstance(kind, str) else ""
    pre = header.metadata.get(_KEY + "pre")
    begin, end = _USUAL_MARKS.get(kind, (-1, -1))
    begins = kind in _BEGINS or (kind == "gpt2" and pre in _BEGINNING_PRE)
    return {
        "kind of vocabulary": f"'{shown(kind)}'",
        "token of the beginning (bos)": str(header.integer(_KEY + "bos_token_id", begin)),
        "token of the end (eos)": str(header.integer(_KEY + "eos_token_id", end)),
        "bos token before each text (add_bos)": _said(header, "add_bos_token", begins),
        "eos token behind each text (add_eos)": _said(header, "add_eos_token", kind in _ENDS),
    }


def _said(header: GgufHeader, key: str, usual: bool) -> str:
    value = header.metadata.get(_KEY + key)
    return "wanted" if (value if isinstance(value, bool) else usual) else "not wanted"


def _quoted(text: bytes) -> str:
    return f"'{shown(text.decode(errors='replace'))}'"
