"""What of an image goes into a pack for graphics processors."""

from __future__ import annotations

from llamapack.image.cuda import CUDA
from llamapack.image.steps import Report
from llamapack.image.store import RuntimeImage
from llamapack.image.with_cuda import with_cuda
from llamapack.image.without_gpu import without_gpu
from llamapack.targets.gpu import GpuParts


def fitted(image: RuntimeImage, parts: GpuParts, report: Report) -> RuntimeImage:
    """`image`, or what is derived from it, made when it is missing. ImageError."""
    if parts == "none":
        return without_gpu(image, report)
    return with_cuda(image, report) if parts == CUDA else image
