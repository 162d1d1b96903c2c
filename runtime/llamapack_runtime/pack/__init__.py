"""The pack format: the only part of the runtime that the builder imports. Standard library only."""

from llamapack_runtime.pack.errors import PackError
from llamapack_runtime.pack.format import Entry
from llamapack_runtime.pack.manifest import EntrySum, Manifest, ModelInfo, RuntimeInfo
from llamapack_runtime.pack.reader import Pack

__all__ = ["Entry", "EntrySum", "Manifest", "ModelInfo", "Pack", "PackError", "RuntimeInfo"]
