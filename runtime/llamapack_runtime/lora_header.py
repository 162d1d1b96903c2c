"""Whether a LoRA adapter fits a model, by their headers alone.

llama.cpp refuses some that do not fit and ends the process on others, so that whoever packs or
loads one asks here first. Format: https://github.com/ggml-org/llama.cpp, convert_lora_to_gguf.py
and src/llama-adapter.cpp."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader, TensorInfo, shown

# What the converter writes; llama.cpp cannot multiply whole numbers.
_TYPES = {0: "F32", 1: "F16", 8: "Q8_0", 30: "BF16"}
_PARTS = (".lora_a", ".lora_b")
_NORM = "_norm.weight"  # llama.cpp passes over them
_EMBEDDING = "token_embd.weight"
_INVOCATION = "adapter.alora.invocation_tokens"


def check_lora(adapter: GgufHeader, model: GgufHeader, name: str) -> None:
    """`name` stands for the adapter's file in the messages. GgufError when it is no LoRA adapter,
    or not one for this model; where a tensor does not fit, with both shapes."""
    _check_kind(adapter, model, name)
    tensors = {tensor.name: tensor for tensor in adapter.tensors}
    bases = {tensor.name: tensor for tensor in model.tensors}
    for base_name in list(_base_names(adapter, name)):
        pair = [tensors.get(base_name + part) for part in _PARTS]
        for tensor, part, other in zip(pair, _PARTS, reversed(_PARTS), strict=True):
            if tensor is None:
                raise _refused(name, base_name + other, f"has no '{shown(base_name)}{part}' to it")
        base = bases.get(base_name)
        if base is None:
            raise _refused(name, base_name + _PARTS[0], "changes a tensor that the model lacks")
        first, second = (tensor for tensor in pair if tensor is not None)
        if base_name == _EMBEDDING:
            _check_embedding(first, second, base, name, is_tied="output.weight" not in bases)
        else:
            _check_pair(first, second, base, name)


def _check_kind(adapter: GgufHeader, model: GgufHeader, name: str) -> None:
    for key, wanted in (("general.type", "adapter"), ("adapter.type", "lora")):
        if adapter.metadata.get(key) != wanted:
            found = shown(str(adapter.metadata.get(key, "nothing")))
            raise GgufError(
                f"{name} is not a LoRA adapter: its {key} is '{found}', not '{wanted}'. "
                "Convert the adapter with llama.cpp's convert_lora_to_gguf.py."
            )
    if adapter.architecture != model.architecture:
        raise GgufError(
            f"{name} is an adapter for the architecture '{shown(adapter.architecture)}', but the "
            f"model's is '{shown(model.architecture)}'. Use one that was made for this model."
        )
    if _INVOCATION in adapter.metadata:
        raise GgufError(
            f"{name} is an activated LoRA, which begins to act in the middle of a prompt; that is "
            "not supported. Use a plain LoRA adapter."
        )
    alpha = adapter.metadata.get("adapter.lora.alpha", 0.0)
    if not isinstance(alpha, float) or not isfinite(alpha):
        raise GgufError(f"{name} has the alpha {alpha!r}, which is no usable number.")


def _base_names(adapter: GgufHeader, name: str) -> Iterator[str]:
    """Of the tensors that it changes, each once."""
    seen: set[str] = set()
    for tensor in adapter.tensors:
        base, part = tensor.name[: -len(_PARTS[0])], tensor.name[-len(_PARTS[0]) :]
        if part not in _PARTS:
            if tensor.name.endswith(_NORM):
                continue
            raise _refused(name, tensor.name, "is neither a .lora_a nor a .lora_b")
        if tensor.type not in _TYPES:
            kinds = ", ".join(_TYPES.values())
            raise _refused(name, tensor.name, f"has not one of the types {kinds}")
        if base not in seen:
            seen.add(base)
            yield base
    if not seen:
        raise GgufError(f"{name} holds no weights, so it would change nothing.")


def _check_pair(first: TensorInfo, second: TensorInfo, base: TensorInfo, name: str) -> None:
    """A turns the input (a row of the base) into `rank` numbers, B those into the output."""
    a, b, full = _padded(first), _padded(second), _padded(base)
    for tensor, fits in (
        (first, a[0] == full[0] and a[2:] == full[2:]),
        (second, b[1] == full[1] and b[2:] == full[2:]),
    ):
        if not fits or len(base.shape) < 2:
            raise _misfit(name, tensor, base)
    if a[1] != b[0] or not a[1]:
        raise _ranks(name, first, second)


def _check_embedding(
    first: TensorInfo, second: TensorInfo, base: TensorInfo, name: str, *, is_tied: bool
) -> None:
    """Its rows are looked up, not multiplied: A has a row of `rank` numbers for each token."""
    if is_tied:
        reason = (
            "changes the embeddings, which this model uses for its output, too: llama.cpp cannot "
            "do that. Train the adapter without its embeddings"
        )
        raise _refused(name, first.name, reason)
    a, b, full = _padded(first), _padded(second), _padded(base)
    for tensor, fits in ((first, a[1:] == full[1:]), (second, b[1:] == (full[0], 1, 1))):
        if not fits:
            raise _misfit(name, tensor, base)
    if a[0] != b[0] or not a[0]:
        raise _ranks(name, first, second)


def _padded(tensor: TensorInfo) -> tuple[int, ...]:
    return (*tensor.shape, 1, 1, 1, 1)[:4]


def _ranks(name: str, first: TensorInfo, second: TensorInfo) -> GgufError:
    reason = f"has the shape {_shape(first)} and '{shown(second.name)}' {_shape(second)}"
    return _refused(name, first.name, f"{reason}: their ranks differ")


def _misfit(name: str, tensor: TensorInfo, base: TensorInfo) -> GgufError:
    reason = f"has the shape {_shape(tensor)}, but the model's '{shown(base.name)}' {_shape(base)}"
    return _refused(name, tensor.name, f"{reason}: it was made for another model")


def _shape(tensor: TensorInfo) -> str:
    return " x ".join(map(str, tensor.shape))


def _refused(name: str, tensor: str, reason: str) -> GgufError:
    return GgufError(f"{name} cannot be used: its tensor '{shown(tensor)}' {reason}.")
