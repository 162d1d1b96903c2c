"""What an open model says about embeddings, and what can be had of it."""

from __future__ import annotations

from llamapack_runtime.engine.embed_texts import RerankForm
from llamapack_runtime.engine.embed_types import POOLINGS, Pooling
from llamapack_runtime.engine.errors import ModelError
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.model import Model

_NO_TOKEN = -1  # LLAMA_TOKEN_NULL


def own_pooling(model: Model) -> Pooling | None:
    """What the GGUF asks for. ModelError for a value that would end llama.cpp's process."""
    architecture = model.metadata.get("general.architecture", "")
    text = model.metadata.get(f"{architecture}.pooling_type")
    if text is None or text == "-1":
        return None
    if not text.isdecimal() or int(text) >= len(POOLINGS):
        raise ModelError(f"The model asks for a pooling of type {text[:20]}, which is unknown.")
    return POOLINGS[int(text)]


def vector_length(model: Model) -> int:
    """Floats of an embedding."""
    return int(library().llama_model_n_embd_out(model.handle))


def rerank_form(model: Model) -> RerankForm:
    """BOS query EOS SEP document EOS, as far as the model has and wants them; or its template."""
    lib = library()
    template = lib.llama_model_chat_template(model.handle, b"rerank")
    if template is not None:
        return RerankForm(template.decode("utf-8", "replace"))
    vocab = lib.llama_model_get_vocab(model.handle)

    def token(wanted: bool, *candidates: int) -> tuple[int, ...]:
        known = [each for each in candidates if each != _NO_TOKEN]
        return (int(known[0]),) if wanted and known else ()

    sep = lib.llama_vocab_sep(vocab)
    opening = token(lib.llama_vocab_get_add_bos(vocab), lib.llama_vocab_bos(vocab))
    eos = token(lib.llama_vocab_get_add_eos(vocab), lib.llama_vocab_eos(vocab), sep)
    return RerankForm(
        opening=opening,
        middle=eos + token(lib.llama_vocab_get_add_sep(vocab), sep),
        closing=eos,
    )
