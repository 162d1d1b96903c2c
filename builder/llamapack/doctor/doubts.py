"""What may be wrong with a model that could be packed all the same: a sentence for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from llamapack.doctor.metadata import bits_per_weight, output_tensor, type_shares
from llamapack.gguf_files.model import GgufModel
from llamapack.text import plain
from llamapack_runtime.pack import GgufHeader
from llamapack_runtime.pack.gguf import ArrayInfo, type_name

# Of file types whose tensors have the same name: Q4_K_M is Q4_K.
_PLAIN_TYPE = re.compile(r"(F32|F16|BF16|Q\d_[01]|Q\d_K)(_[SML])?")
# As llamapack_runtime.chat.template_report has it.
TOOL_RENDERING = "with a tool"
_FEWEST_OUTPUT_BITS = 5.0
_MOST_SHOWN = 60  # characters
_MOST_WHOLE_SHARE = 0.2
# Some models claim ten million tokens.
_MOST_CONTEXT = 1 << 24
_LEAST_CONTEXT = 512
# Ends a part of an answer in the Harmony form, in which this token ends all of it.
_HARMONY_END = "<|return|>"
_LAYER = re.compile(r"(?:enc\.|dec\.)?blk\.(\d+)\.")


def header_doubts(model: GgufModel, license_name: str | None) -> Iterator[str]:
    """What the header alone shows; `license_name` is that of the file, or of its pack."""
    header = model.header
    if not license_name:
        yield (
            "The file states no licence; find out whether the model may be passed on, and name it "
            "with --license."
        )
    if not header.context_length:
        yield "The file states no length of context; 8,192 tokens are taken unless ctx-size is set."
    elif header.context_length > _MOST_CONTEXT:
        yield f"The file claims a context of {header.context_length:,} tokens, which no model has."
    elif header.context_length < _LEAST_CONTEXT and model.kind == "chat":
        yield (
            f"The file states a context of {header.context_length:,} tokens, which has hardly room "
            "for a question and its answer."
        )
    yield from _shape_doubts(header)
    if not header.name:
        yield "The file states no name; give one with --name."
    yield from _type_doubts(header)


def _shape_doubts(header: GgufHeader) -> Iterator[str]:
    """What llama.cpp only refuses when it reads the weights."""
    by_name = {tensor.name: tensor for tensor in header.tensors}
    words, tokens = by_name.get("token_embd.weight"), header.metadata.get("tokenizer.ggml.tokens")
    if words is not None and len(words.shape) == 2:
        length, rows = words.shape
        wanted = header.integer(f"{header.architecture}.embedding_length", length)
        if isinstance(tokens, ArrayInfo) and tokens.count != rows:
            yield (
                f"The vocabulary has {tokens.count:,} tokens, but there are embeddings for {rows:,}"
                ": llama.cpp does not load such a file."
            )
        if wanted != length:
            yield (
                f"The file states embeddings of {wanted:,} numbers, but they have {length:,}: "
                "llama.cpp does not load such a file."
            )
    layers = {int(match[1]) for name in by_name if (match := _LAYER.match(name))}
    stated = header.integer(f"{header.architecture}.block_count", 0)
    if layers and max(layers) + 1 < stated:
        yield (
            f"The file states {stated:,} layers, but has the weights of {max(layers) + 1:,}: "
            "part of it is missing."
        )


def _type_doubts(header: GgufHeader) -> Iterator[str]:
    shares = type_shares(header)
    stated = _PLAIN_TYPE.fullmatch(header.quantization)
    names = {share.name for share in shares}
    if stated is not None and stated[1] not in names:
        yield (
            f"The file says that it is {header.quantization}, but none of its tensors is "
            f"{stated[1]}; most bytes are {shares[0].name}."
        )
    total = sum(share.size_bytes for share in shares)
    whole = sum(
        tensor.size_bytes
        for tensor in header.tensors
        if type_name(tensor) in ("F32", "F64") and len(tensor.shape) > 1
    )
    if whole > _MOST_WHOLE_SHARE * total and header.quantization not in ("F32", "F64"):
        yield f"{whole / total:.0%} of the weights are in full precision, which only takes room."
    output = output_tensor(header)
    if output is not None and bits_per_weight(output) < _FEWEST_OUTPUT_BITS:
        yield (
            f"The output layer is {type_name(output)}, {bits_per_weight(output):.1f} bits for a "
            "weight; answers are better with Q6_K there, as llama.cpp leaves it."
        )


def behaviour_doubts(told: Mapping[str, Any]) -> Iterator[str]:
    """Of a model that chats: what the runtime's look at vocabulary and template shows."""
    vocabulary, template = told["vocabulary"], told["template"]
    if not vocabulary["ends"]:
        yield "The vocabulary has no token that ends an answer: the model will not stop by itself."
    elif vocabulary["eos"] is None:
        yield "The vocabulary has no end-of-text token (EOS)."
    if template is None:
        yield "There is no chat template; messages are written in the ChatML form."
    elif template["problem"] is not None:
        yield f"The chat template fails, and ChatML is used: {plain(template['problem'])}"
    else:
        yield from _end_doubts(vocabulary, template)
        yield from _template_doubts(template)


def _end_doubts(vocabulary: Mapping[str, Any], template: Mapping[str, Any]) -> Iterator[str]:
    """Whether the model has learned to stop where the program does."""
    ends, after = [one["text"] for one in vocabulary["ends"]], template["after_answer"]
    if template["renderings"][0]["problem"] is not None or not ends or _HARMONY_END in ends:
        return
    if after is None:
        yield "The chat template leaves out earlier answers: the model will not know what it said."
        return
    if any(end in after for end in ends):
        return
    line = plain(" ".join(after.split()))[:_MOST_SHOWN]
    shown = f"'{line}'" if line else "nothing"
    pad, eos = vocabulary["pad"], vocabulary["eos"]
    yield (
        f"Behind an answer the chat template writes {shown}, but the model stops at "
        f"{plain(', '.join(ends))[:_MOST_SHOWN]}: answers may run on."
    )
    if pad is not None and eos is not None and pad["number"] == eos["number"]:
        yield (
            f"The padding token is the end-of-text token, {plain(eos['text'])}: a model that was "
            "trained so may not know when to stop."
        )


def _template_doubts(template: Mapping[str, Any]) -> Iterator[str]:
    if not template["shows_system"]:
        yield (
            "The chat template leaves out system messages: a system prompt goes into the first "
            "message instead."
        )
    if template["repeats_bos"]:
        yield "The chat template writes the begin-of-text token (BOS) twice."
    for rendering in template["renderings"]:
        is_expected = rendering["name"] == TOOL_RENDERING and not template["shows_tools"]
        if rendering["problem"] is not None and not is_expected:
            name, problem = plain(rendering["name"]), plain(rendering["problem"])
            yield f"The chat template fails on a conversation ({name}): {problem}"
