"""Whether a GGUF is a projector that makes images readable for a model, told from its header."""

from __future__ import annotations

from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader

__all__ = ["check_projector"]

ARCHITECTURE = "clip"
# The part of a projector that ends in rows of the model's width.
_PATCHES, _PLACES = "v.patch_embd.weight", "v.position_embd.weight"
_SIZES = (
    "image_size", "patch_size", "embedding_length", "attention.head_count", "block_count",
)  # fmt: skip
_MOST_BLOCKS, _MOST_PIXELS = 1024, 16384
# Kinds that take images of one size alone, so that each patch has a place of its own.
_FIXED_KINDS = ("mlp", "gemma3")
_LAST_PART = ("mm.", "resampler.", "adapter.")
# They lay an image out in a way that the engine does not know.
_UNKNOWN_LAYOUTS = ("hunyuan_vl",)


def check_projector(projector: GgufHeader, model: GgufHeader, what: str) -> None:
    """GgufError when it is none for images, or not for this model. `what` begins the sentence.
    That all of its tensors fit each other is not known before it is loaded."""
    if projector.architecture != ARCHITECTURE:
        kind = projector.architecture or "nothing that it names"
        raise GgufError(f"{what} is no projector: its architecture is {kind:.80}, not clip.")
    if projector.metadata.get("clip.has_vision_encoder") is not True:
        hears = projector.metadata.get("clip.has_audio_encoder") is True
        sound = ", but one for sound, which this program does not read" if hears else ""
        raise GgufError(f"{what} has no encoder for images{sound}. Leave it out.")
    if model.architecture in _UNKNOWN_LAYOUTS:
        raise GgufError(
            f"{what} is of no use with a model of the architecture {model.architecture}: it lays "
            "images out in a way that this program does not know. Leave the projector out, or take "
            "another model."
        )
    _check_sizes(projector, what)
    wanted = model.integer(f"{model.architecture}.embedding_length", 0)
    stated = projector.integer("clip.vision.projection_dim", 0)
    # Some files state the width of the encoder's own projection, which is not used.
    last = {n for one in projector.tensors if one.name.startswith(_LAST_PART) for n in one.shape}
    if wanted not in {stated, *last}:
        raise GgufError(
            f"{what} belongs to another model: it makes rows of {stated} numbers, but this model "
            f"reads rows of {wanted}."
        )


def _check_sizes(projector: GgufHeader, what: str) -> None:
    """GgufError where the sizes of a usual vision transformer contradict each other or the tensors:
    libmtmd would end the process."""
    shapes = {one.name: one.shape for one in projector.tensors}
    patches, places = shapes.get(_PATCHES, ()), shapes.get(_PLACES, ())
    if len(patches) != 4 or not any(name.startswith("v.blk.0.") for name in shapes):
        return
    sizes = {name: projector.integer(f"clip.vision.{name}", 0) for name in _SIZES}
    image, patch, width, heads, blocks = sizes.values()
    is_fixed = projector.metadata.get("clip.projector_type") in _FIXED_KINDS and len(places) == 2
    is_right = {
        "patch_size": patch > 0 and patches[:2] == (patch, patch),
        "image_size": 0 < patch <= image <= _MOST_PIXELS
        and (not is_fixed or (image // patch) ** 2 <= places[1]),
        "embedding_length": width == patches[3],
        "attention.head_count": heads > 0 and width % heads == 0,
        "block_count": 0 < blocks <= _MOST_BLOCKS,
    }
    wrong = next((name for name, right in is_right.items() if not right), None)
    if wrong is not None:
        raise GgufError(
            f"{what} is damaged: its clip.vision.{wrong} is {sizes[wrong]}, which does not go with "
            "the rest of it. Get it again."
        )
