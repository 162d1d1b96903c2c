"""Images as rows of a prompt: libmtmd and a projector make of each what the model reads.

The only user of libmtmd. Encodes on the caller's thread, one image at a time; nothing here waits
for the engine's thread, nor the other way round, and only who looks at a new image waits for the
encoder."""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from llamapack_runtime.engine.errors import ImageError, ModelError
from llamapack_runtime.engine.lib import captured_errors, vision_library
from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.seen import Seen, SeenImages

_CLOSE_TIMEOUT_S = 3.0
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Pixels:
    """`data`: red, green and blue, a byte each, row by row from the top."""

    width: int
    height: int
    data: bytes

    def __post_init__(self) -> None:
        assert len(self.data) == self.width * self.height * 3, "three bytes a pixel"


# From a file's bytes. ImageError when it cannot be read.
Decode = Callable[[bytes], Pixels]


@dataclass(frozen=True, slots=True)
class Read:
    """Tokens, some of which stand for rows of `media`."""

    tokens: tuple[int, ...]
    media: tuple[MediaSpan, ...]


class Vision:
    """Use `Vision.open`. May be used by any number of threads; close it before the model."""

    def __init__(
        self, lib: Any, handle: int, model: Model, decode: Decode, most_at_once: int
    ) -> None:
        self._lib = lib
        self._handle: int | None = handle
        self._model = model
        self._decode = decode
        self._most_at_once = most_at_once
        self._row_bytes = _FLOAT_BYTES * model.n_embd_inp
        # libmtmd encodes one image at a time, and tokenizes from any thread meanwhile. Who takes
        # both takes the encoder first.
        self._encoder = threading.Lock()
        self._next = -1  # no row has this number, nor a lower one
        self._lock = threading.Lock()
        self._seen = SeenImages()
        model.borrowers += 1

    @classmethod
    def open(
        cls, model: Model, path: Path, decode: Decode, *, n_threads: int, most_at_once: int
    ) -> Self:
        """The projector in the file `path`. `most_at_once`: the most rows that the model computes
        in one piece. ModelError when it cannot be used with this model."""
        lib = vision_library()
        parameters = lib.mtmd_context_params_default()
        parameters.use_gpu = parameters.warmup = False
        parameters.n_threads = n_threads
        with captured_errors() as causes:
            handle = lib.mtmd_init_from_file(os.fsencode(path), model.handle, parameters)
        if not handle:
            cause = causes[-1].strip().rstrip(".") if causes else "llama.cpp gave no reason"
            raise ModelError(
                f"The projector {path.name} cannot be used with this model: {cause[:300]}."
            )
        if not lib.mtmd_support_vision(handle):
            lib.mtmd_free(handle)
            raise ModelError(f"The projector {path.name} reads no images.")
        return cls(lib, handle, model, decode, most_at_once)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """May be called twice. What is being encoded is waited for, but not for ever."""
        if not self._encoder.acquire(timeout=_CLOSE_TIMEOUT_S):
            return  # the model stays open with it, until the process ends
        try:
            with self._lock:
                handle, self._handle = self._handle, None
                if handle is not None:
                    self._lib.mtmd_free(handle)
                    self._model.borrowers -= 1
        finally:
            self._encoder.release()

    def look(self, data: bytes) -> Seen:
        """Encode an image (the bytes of its file); `read` finds it then, at least as long as what
        this returns is held. Blocks for as long as the encoder takes, and others before it.
        ImageError when it cannot be read."""
        key = _key(data)
        with self._encoder:
            if self._handle is None:
                raise ImageError("The program is stopping.")
            seen = self._found(key)
            if seen is None:
                seen = self._look(key, self._decode(data))
                with self._lock:
                    self._seen.add(key, seen)
            return seen

    def count(self, width: int, height: int) -> int | None:
        """How many tokens an image of so many pixels takes, with what the model wants around it;
        None when this is closed. ImageError."""
        with self._lock:
            if self._handle is None:
                return None
            with ExitStack() as resources:
                bitmap = self._bitmap(b"", width, height, None, resources)
                chunks = self._tokenized([bitmap], resources)
                return sum(int(self._lib.mtmd_input_chunk_get_n_tokens(one)) for one in chunks)

    def read(self, parts: Sequence[str | bytes]) -> Read | None:
        """The tokens of texts and images (the bytes of their files) in a row, with what the model
        wants around an image. Control tokens in the texts are parsed, none are added. None when
        one of the images must be looked at first. ImageError when they do not go together."""
        keys = {part: _key(part) for part in parts if isinstance(part, bytes)}
        with self._lock, ExitStack() as resources:
            if self._handle is None:
                raise ImageError("The program is stopping.")
            bitmaps: dict[bytes, Any] = {}
            images: dict[bytes, Seen] = {}
            for part, key in keys.items():
                seen = self._seen.find(key)
                if seen is None:
                    return None
                images[part] = seen
                bitmaps[part] = self._bitmap(key, seen.width, seen.height, None, resources)
            filled = [part if isinstance(part, str) else bitmaps[part] for part in parts]
            return self._assembled(
                self._tokenized(filled, resources),
                iter([s for p in parts if isinstance(p, bytes) for s in images[p].spans]),
            )

    def _assembled(self, chunks: Iterator[Any], spans: Iterator[MediaSpan]) -> Read:
        tokens: list[int] = []
        media: dict[int, MediaSpan] = {}
        for chunk in chunks:
            text = self._text_of(chunk)
            if text is not None:
                tokens += text
                continue
            span = next(spans)
            media[span.first] = span
            tokens += span.tokens
        return Read(tuple(tokens), tuple(media.values()))

    def _found(self, key: bytes) -> Seen | None:
        with self._lock:
            return self._seen.find(key)

    def _look(self, key: bytes, pixels: Pixels) -> Seen:
        with ExitStack() as resources:
            bitmap = self._bitmap(key, pixels.width, pixels.height, pixels.data, resources)
            chunks = self._tokenized([bitmap], resources)
            spans = [self._encode(one) for one in chunks if self._text_of(one) is None]
        return Seen(pixels.width, pixels.height, tuple(spans))

    def _encode(self, chunk: Any) -> MediaSpan:
        count = int(self._lib.mtmd_input_chunk_get_n_tokens(chunk))
        is_whole = bool(self._lib.mtmd_decode_use_non_causal(self._handle, chunk))
        if is_whole and count > self._most_at_once:
            raise ImageError(
                f"The image becomes {count} tokens that must be computed at once, but at most"
                f" {self._most_at_once} are; start the program with --batch-size {count} and"
                f" --ubatch-size {count}."
            )
        if self._lib.mtmd_encode_chunk(self._handle, chunk) != 0:
            raise ImageError("The projector could not read the image; memory may be short.")
        rows = self._lib.mtmd_get_output_embd(self._handle)
        if not rows:
            raise ImageError("The projector has made nothing of the image.")
        first, self._next = self._next, self._next - count
        copy = ctypes.string_at(rows, count * self._row_bytes)
        return MediaSpan(first, count, copy, is_whole, _columns(self._lib, self._handle, chunk))

    def _bitmap(
        self, key: bytes, width: int, height: int, data: bytes | None, resources: ExitStack
    ) -> Any:
        """Without data: one that only says how large the image is."""
        pixels = None
        if data is not None:
            pixels = ctypes.cast(ctypes.c_char_p(data), ctypes.POINTER(ctypes.c_uint8))
        bitmap = self._lib.mtmd_bitmap_init(width, height, pixels)
        if not bitmap:
            raise ImageError("There is no memory for the image.")
        resources.callback(self._lib.mtmd_bitmap_free, bitmap)
        self._lib.mtmd_bitmap_set_id(bitmap, key.hex().encode())
        return bitmap

    def _tokenized(self, parts: Sequence[Any], resources: ExitStack) -> Iterator[Any]:
        """Chunks of libmtmd's, which live as long as `resources`."""
        chunks = self._chunks(parts, resources)
        for index in range(self._lib.mtmd_input_chunks_size(chunks)):
            yield self._lib.mtmd_input_chunks_get(chunks, index)

    def _chunks(self, parts: Sequence[Any], resources: ExitStack) -> Any:
        """libmtmd's list of them. Parts are texts and bitmaps."""
        lib = self._lib
        texts = [_text(lib, part) if isinstance(part, str) else None for part in parts]
        native = [
            lib.mtmd_input_part(text=None, bitmap=part)
            if text is None
            else lib.mtmd_input_part(text=ctypes.pointer(text), bitmap=None)
            for part, text in zip(parts, texts, strict=True)
        ]
        pointer = ctypes.POINTER(lib.mtmd_input_part)
        rows = (pointer * len(native))(*(ctypes.pointer(one) for one in native))
        chunks = lib.mtmd_input_chunks_init()
        resources.callback(lib.mtmd_input_chunks_free, chunks)
        if lib.mtmd_tokenize_from_parts(self._handle, chunks, rows, len(native), False) != 0:
            raise ImageError("The model cannot take the image: its projector refuses its size.")
        return chunks

    def _text_of(self, chunk: Any) -> list[int] | None:
        """The tokens of a chunk of text; None for an image."""
        if self._lib.mtmd_input_chunk_get_type(chunk) != self._lib.MTMD_INPUT_CHUNK_TYPE_TEXT:
            return None
        count = ctypes.c_size_t()
        tokens = self._lib.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
        return list(tokens[: count.value])


def _columns(lib: Any, handle: Any, chunk: Any) -> int:
    """Of an image whose rows the model tells apart by line and column; 0 for others. ImageError
    for a layout that nobody here knows, like HunyuanVL's."""
    if not lib.mtmd_decode_use_mrope(handle):
        return 0
    image = lib.mtmd_input_chunk_get_tokens_image(chunk)
    columns, lines = (
        int(lib.mtmd_image_tokens_get_nx(image)),
        int(lib.mtmd_image_tokens_get_ny(image)),
    )
    count, n_positions = (
        int(lib.mtmd_input_chunk_get_n_tokens(chunk)),
        int(lib.mtmd_input_chunk_get_n_pos(chunk)),
    )
    if (count, n_positions) != (columns * lines, max(columns, lines)):
        raise ImageError(
            "This model lays images out in a way that this program does not know; ask it without "
            "images, or use another model."
        )
    return columns


def _key(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _text(lib: Any, text: str) -> Any:
    data = text.encode("utf-8", "replace")
    return lib.mtmd_input_text(text=data, text_len=len(data), add_special=False, parse_special=True)
