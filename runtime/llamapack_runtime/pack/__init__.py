"""What the builder and the runtime share: the pack format and the GGUF header. Standard library
only; the builder imports nothing else of the runtime."""

from llamapack_runtime.gguf_header import GgufError, GgufHeader, read_header
from llamapack_runtime.pack.errors import PackError
from llamapack_runtime.pack.format import Entry
from llamapack_runtime.pack.manifest import EntrySum, Manifest, ModelInfo, RuntimeInfo
from llamapack_runtime.pack.reader import Pack

__all__ = [
    "Entry",
    "EntrySum",
    "GgufError",
    "GgufHeader",
    "Manifest",
    "ModelInfo",
    "Pack",
    "PackError",
    "RuntimeInfo",
    "read_header",
]
