"""An open GGUF model: its metadata and its vocabulary. Knows nothing of contexts' contents.

Everything here but `close` may be called from any thread while the model is open."""

from __future__ import annotations

import ctypes
import logging
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from llamapack_runtime.engine.cfile import open_c_file
from llamapack_runtime.engine.errors import ModelError
from llamapack_runtime.engine.infill_tokens import InfillTokens
from llamapack_runtime.engine.lib import captured_errors, library

if TYPE_CHECKING:  # the compiler of grammars is loaded when the first one is asked for
    from llamapack_runtime.engine.grammar import Grammar, GrammarCompiler

logger = logging.getLogger(__name__)

_MAGIC = b"GGUF"
_NO_VOCABULARY = 0  # LLAMA_VOCAB_TYPE_NONE
_MAX_TEXT_BYTES = 1 << 30  # llama_tokenize counts in int32


class Model:
    """Use `Model.open`. Close its contexts first."""

    def __init__(self, handle: int, path: Path) -> None:
        self._lib = library()
        self._handle: int | None = handle
        self._path = path
        self._vocab = self._lib.llama_model_get_vocab(handle)
        self._pieces: dict[int, bytes] = {}
        self.n_vocab = int(self._lib.llama_vocab_n_tokens(self._vocab))
        self.borrowers = 0  # contexts that hold the native handle

    @classmethod
    def open(
        cls,
        path: Path,
        offset: int,
        size: int,
        *,
        use_mmap: bool = True,
        vocabulary_alone: bool = False,
        device: int | None = None,
        n_gpu_layers: int = 0,
        on_progress: Callable[[float], None] | None = None,
    ) -> Self:
        """The GGUF of `size` bytes at `offset` (bytes) of `path`, mapped in place. `on_progress`
        gets 0.0 to 1.0 on this thread; what it raises stops the loading. ModelError otherwise.
        `vocabulary_alone`: without the weights, which need not be in the file. `device`, see
        `device_handle`, gets so many layers; None: all is left to the processor."""
        _check_file(path, offset, size)
        with captured_errors() as causes:
            parameters = _parameters(use_mmap, vocabulary_alone)
            # A list that ends with null; llama.cpp copies it.
            devices = (ctypes.c_void_p * 2)(device, None)
            parameters.devices = ctypes.cast(devices, ctypes.c_void_p)
            parameters.n_gpu_layers = n_gpu_layers
            if device is not None and use_mmap:
                # It knows the devices that cannot read what is mapped.
                parameters.load_mode = library().LLAMA_LOAD_MODE_AUTO
            handle = _load(path, offset, parameters, on_progress)
        if handle is None:
            raise ModelError(f"The model in {path.name} cannot be loaded: {_last(causes)}.")
        model = cls(handle, path)
        try:
            model._check_kind()
        except ModelError:
            model.close()
            raise
        return model

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def handle(self) -> int:
        """The native pointer, for `engine/` only. ModelError when closed."""
        if self._handle is None:
            raise ModelError(f"The model {self._path.name} is closed.")
        return self._handle

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None and self.borrowers:
            # An engine that could not be stopped is still computing; freeing would crash it.
            logger.error("The model is still in use; its memory stays until the process ends.")
        elif handle is not None:
            self._lib.llama_model_free(handle)

    @cached_property
    def metadata(self) -> Mapping[str, str]:
        """All scalar metadata of the GGUF as text; arrays are left out by llama.cpp."""
        key, value = (
            self._lib.llama_model_meta_key_by_index,
            self._lib.llama_model_meta_val_str_by_index,
        )
        count = self._lib.llama_model_meta_count(self.handle)
        return MappingProxyType({self._text(key, i): self._text(value, i) for i in range(count)})

    @property
    def n_ctx_train(self) -> int:
        return int(self._lib.llama_model_n_ctx_train(self.handle))

    @property
    def is_recurrent(self) -> bool:
        """Whether its memory, or a part of it, is a state that cannot go back to an earlier one."""
        lib, handle = self._lib, self.handle
        return bool(lib.llama_model_is_recurrent(handle) or lib.llama_model_is_hybrid(handle))

    @property
    def has_sliding_window(self) -> bool:
        """Whether some layers see only the latest positions."""
        return int(self._lib.llama_model_n_swa(self.handle)) > 0

    @property
    def n_embd_inp(self) -> int:
        """Numbers in one row of what it reads."""
        return int(self._lib.llama_model_n_embd_inp(self.handle))

    @property
    def n_params(self) -> int:
        return int(self._lib.llama_model_n_params(self.handle))

    @property
    def size_bytes(self) -> int:
        """Of all tensors together."""
        return int(self._lib.llama_model_size(self.handle))

    @cached_property
    def description(self) -> str:
        """Such as "llama 7B Q4_K - Medium"."""
        buffer = ctypes.create_string_buffer(256)
        self._lib.llama_model_desc(self.handle, buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    @cached_property
    def chat_template(self) -> str | None:
        return self._chat_template(None)

    def named_chat_template(self, name: str) -> str | None:
        """One that a GGUF has beside its usual one, such as tool_use."""
        return self._chat_template(name.encode())

    @cached_property
    def bos_token(self) -> str:
        return self._token_text(self._lib.llama_vocab_bos(self.vocab))

    @cached_property
    def eos_token(self) -> str:
        return self._token_text(self._lib.llama_vocab_eos(self.vocab))

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> tuple[int, ...]:
        """`add_special` adds BOS and EOS where the model wants them; `parse_special` reads marks
        such as <|im_end|> as the one token they name. ModelError for more than 1 GiB of text."""
        data = text.encode("utf-8", "replace")
        if len(data) > _MAX_TEXT_BYTES:
            raise ModelError(f"A text of {len(data)} bytes is too long to tokenize.")
        size = len(data) + 2
        while True:
            tokens = (ctypes.c_int32 * size)()
            count = self._lib.llama_tokenize(
                self.vocab, data, len(data), tokens, size, add_special, parse_special
            )
            if count >= 0:
                return tuple(tokens[:count])
            size = -count

    def piece(self, token: int) -> bytes:
        """The bytes that `token` stands for; nothing for control tokens."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._find_piece(token, named=False)
        return known

    def named_piece(self, token: int) -> bytes:
        """As `piece`, but a control token stands for its name, such as <|im_end|>."""
        return self.piece(token) or self._find_piece(token, named=True)

    @cached_property
    def infill_tokens(self) -> InfillTokens:
        lib, vocab = self._lib, self.vocab
        adds_bos = lib.llama_vocab_get_add_bos(vocab)
        return InfillTokens(
            bos=_token(lib.llama_vocab_bos(vocab)) if adds_bos else None,
            prefix=_token(lib.llama_vocab_fim_pre(vocab)),
            suffix=_token(lib.llama_vocab_fim_suf(vocab)),
            middle=_token(lib.llama_vocab_fim_mid(vocab)),
            pad=_token(lib.llama_vocab_fim_pad(vocab)),
            repository=_token(lib.llama_vocab_fim_rep(vocab)),
            file=_token(lib.llama_vocab_fim_sep(vocab)),
        )

    @cached_property
    def longest_piece(self) -> int:
        """In bytes. The first time all tokens are looked at."""
        piece, vocab = self._lib.llama_token_to_piece, self.vocab
        # Without a buffer it tells the size, negated.
        return max(-int(piece(vocab, token, None, 0, 0, False)) for token in range(self.n_vocab))

    @property
    def can_end(self) -> bool:
        """Whether it has a token for the end of a turn or a text."""
        lib, vocab = self._lib, self.vocab
        return bool(lib.llama_vocab_eot(vocab) >= 0 or lib.llama_vocab_eos(vocab) >= 0)

    @cached_property
    def end_tokens(self) -> frozenset[int]:
        """All that end an answer."""
        is_end, vocab = self._lib.llama_vocab_is_eog, self.vocab
        return frozenset(token for token in range(self.n_vocab) if is_end(vocab, token))

    def grammar(self, lark: str) -> Grammar:
        """See `GrammarCompiler.compile`."""
        return self._grammars.compile(lark)

    def is_end(self, token: int) -> bool:
        return bool(self._lib.llama_vocab_is_eog(self.vocab, token))

    @cached_property
    def _grammars(self) -> GrammarCompiler:
        from llamapack_runtime.engine.grammar import GrammarCompiler  # see TYPE_CHECKING above

        def piece(token: int) -> bytes:
            is_control = self._lib.llama_vocab_is_control(self.vocab, token)
            return b"\xff" + self.named_piece(token) if is_control else self.piece(token)

        def tokenize(text: str) -> tuple[int, ...]:
            return self.tokenize(text, add_special=False, parse_special=False)

        pieces = [piece(token) for token in range(self.n_vocab)]
        return GrammarCompiler.from_pieces(pieces, sorted(self.end_tokens), tokenize)

    @property
    def vocab(self) -> Any:
        """The vocabulary's native pointer, valid as long as the model's is."""
        return self.handle and self._vocab

    def _chat_template(self, name: bytes | None) -> str | None:
        text = self._lib.llama_model_chat_template(self.handle, name)
        return None if text is None else text.decode("utf-8", "replace")

    def _find_piece(self, token: int, *, named: bool) -> bytes:
        if not 0 <= token < self.n_vocab:
            raise ModelError(f"Token {token} is not one of the model's {self.n_vocab} tokens.")
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = self._lib.llama_token_to_piece(self.vocab, token, buffer, size, 0, named)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def _token_text(self, token: int) -> str:
        if not 0 <= token < self.n_vocab:
            return ""  # the model has no such token
        text = self._lib.llama_vocab_get_text(self.vocab, token)
        return "" if text is None else text.decode("utf-8", "replace")

    def _text(self, function: Any, index: int) -> str:
        size = 1024
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = function(self.handle, index, buffer, size)
            if length < size:
                return buffer.value.decode("utf-8", "replace")
            size = length + 1

    def _check_kind(self) -> None:
        """Refuse what the engine cannot run, where llama.cpp would abort the process later."""
        if self._lib.llama_vocab_type(self._vocab) == _NO_VOCABULARY:
            raise ModelError(f"The model in {self._path.name} has no vocabulary.")
        has_decoder = self._lib.llama_model_has_decoder(self.handle)
        if has_decoder and self._lib.llama_model_has_encoder(self.handle):
            raise ModelError(
                f"The model in {self._path.name} is an encoder-decoder model; only one of the"
                " two alone can run here."
            )


def _token(number: int) -> int | None:
    """LLAMA_TOKEN_NULL is -1."""
    return number if number >= 0 else None


def _check_file(path: Path, offset: int, size: int) -> None:
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(min(offset, length))
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read: {error.strerror}.") from error
    if offset + size > length:
        raise ModelError(
            f"The model should end at byte {offset + size} of {path.name}, but the file has only"
            f" {length} bytes; it was cut off."
        )
    if magic != _MAGIC:
        raise ModelError(f"There is no GGUF model at byte {offset} of {path.name}.")


def _parameters(use_mmap: bool, vocabulary_alone: bool) -> Any:
    lib = library()
    parameters = lib.llama_model_default_params()
    maps = use_mmap and not vocabulary_alone
    parameters.load_mode = lib.LLAMA_LOAD_MODE_MMAP if maps else lib.LLAMA_LOAD_MODE_NONE
    parameters.vocab_only = vocabulary_alone
    return parameters


def _load(
    path: Path, offset: int, parameters: Any, on_progress: Callable[[float], None] | None
) -> int | None:
    """The native handle or None. Python's errors cannot cross C, so one raised by `on_progress`
    is kept, stops the loading, and is raised here."""
    lib = library()
    raised: list[BaseException] = []

    @lib.llama_progress_callback  # type: ignore[untyped-decorator]  # a ctypes prototype
    def progress(done: float, _user_data: object) -> bool:
        try:
            if on_progress is not None and math.isfinite(done):
                on_progress(done)
        except BaseException as error:  # noqa: BLE001  # raised again below
            raised.append(error)
        return not raised

    parameters.progress_callback = progress  # used only during the load; `progress` outlives it
    try:
        # llama.cpp reads and maps through the FILE* during the load and never afterwards.
        with open_c_file(path, offset) as file:
            handle: int | None = lib.llama_model_load_from_file_ptr(file, parameters)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be opened: {error.strerror}.") from error
    if raised:
        if handle is not None:
            lib.llama_model_free(handle)
        raise raised[0]
    return handle


def _last(causes: list[str]) -> str:
    """The most telling of llama.cpp's error lines, without the function name before it."""
    told = [line for line in causes if "failed to load model" not in line] or causes
    if not told:
        return "llama.cpp gave no reason"
    return told[-1].partition(": ")[2].strip().rstrip(".") or told[-1]
