"""What the builder and the runtime share: the pack format and the GGUF header. Standard library
only; the builder imports nothing else of the runtime."""

from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.model_kind import Kind, model_kind
from llamapack_runtime.pack.brand import Brand
from llamapack_runtime.pack.errors import BrandError, PackError
from llamapack_runtime.pack.format import Entry
from llamapack_runtime.pack.manifest import AdapterInfo, EntrySum, Manifest, ModelInfo, RuntimeInfo
from llamapack_runtime.pack.reader import Pack

__all__ = [
    "AdapterInfo",
    "Brand",
    "BrandError",
    "Entry",
    "EntrySum",
    "GgufError",
    "GgufHeader",
    "Kind",
    "Manifest",
    "ModelInfo",
    "Pack",
    "PackError",
    "RuntimeInfo",
    "model_kind",
    "read_header",
]
