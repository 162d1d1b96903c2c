"""What the engine raises to whoever starts it. Requests never raise: they end with `Failed`.

EngineError
├── LibraryError    the native libraries are missing or do not fit
├── ModelError      the model file cannot be opened or used
├── ContextError    the model is open, but there is no context of the wanted size
├── DecodeError     llama.cpp reported a failure while it computed
├── ImageError      an image cannot be read
└── GrammarError    a grammar cannot be used, or an answer cannot be followed any further
"""

from __future__ import annotations


class EngineError(Exception):
    """The message is a whole sentence for the user."""

    exit_code = 1


class LibraryError(EngineError):
    exit_code = 3


class ModelError(EngineError):
    exit_code = 4


class ContextError(EngineError):
    exit_code = 5


class DecodeError(EngineError):
    exit_code = 6


class ImageError(EngineError):
    exit_code = 8


class GrammarError(EngineError):
    exit_code = 7
