"""A file for the sample model, which nobody has to clear away."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext


@contextmanager
def sample_file(data: bytes, scratch_folder: str) -> Iterator[str]:
    """The path of a file with this content: in memory on Linux, so that no death of ours leaves a
    file; elsewhere in the scratch folder, which our parent removes."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("sample.gguf")
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        handle, path = tempfile.mkstemp(".gguf", dir=scratch_folder)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield path


def scratch_folder() -> AbstractContextManager[str]:
    """Only where the child cannot keep its file in memory: a kill would leave the folder behind."""
    if sys.platform == "linux":
        return nullcontext("")
    return tempfile.TemporaryDirectory(prefix="llamapack-probe-")
