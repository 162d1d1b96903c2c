"""What the program's own routes do."""

from __future__ import annotations

from typing import Any

from llamapack_runtime.api import health
from llamapack_runtime.api.openapi.operation import Operation
from llamapack_runtime.api.pages import Leaving

OPERATIONS = (
    Operation(
        dialect="llamapack",
        paths=health.PATHS,
        method="get",
        summary="Say whether the model is ready; 503 with the progress while loading; no key",
        reply=("status",),
    ),
    Operation(
        dialect="llamapack",
        paths=("/metrics",),
        method="get",
        summary="Say how the program is doing, for Prometheus",
        media_types=("text/plain",),
        reply={"type": "string"},
    ),
    Operation(
        dialect="llamapack",
        paths=("/llamapack/info",),
        method="get",
        summary="Say what is packed, on what it runs and how far it is",
        description="`brand` holds what the packer wants the page to look like and to say. "
        "`failed` says why the model could not be loaded, and `code` whether that is about memory, "
        "cpu, file or other. `models` lists what there is to choose from, each with its "
        "adapters, and is empty where there is one; `adapters` are those of the first model.",
        reply=(
            "name",
            "pack_id",
            "llamapack_version",
            "versions",
            "model",
            "state",
            "models",
            "brand",
        ),
    ),
    Operation(
        dialect="llamapack",
        paths=("/llamapack/logo",),
        method="get",
        summary="Show the logo that was packed",
        media_types=("image/png", "image/jpeg", "image/webp", "image/svg+xml"),
        reply={"type": "string", "format": "binary"},
        refusals=frozenset({404}),
    ),
    Operation(
        dialect="llamapack",
        paths=("/llamapack/report",),
        method="get",
        summary="Say what would help whoever has to find out why something does not work",
        description="Versions, processor, memory, settings, state, times and the latest lines of "
        "the log; nothing of chats, keys, prompts or names.",
        media_types=("text/plain",),
        reply={"type": "string"},
        refusals=frozenset({501}),
    ),
    Operation(
        dialect="llamapack",
        paths=("/llamapack/instance",),
        method="get",
        summary="Say which process this is",
        reply=("pack_id", "pid"),
        query=(("challenge", "16 to 64 hexadecimal digits, for a proof in the reply"),),
    ),
    Operation(
        dialect="llamapack",
        paths=("/llamapack/leave",),
        summary="Say that a page is left; the program may end when no other one is open",
        request=Leaving,
        status=204,
    ),
    Operation(
        dialect="llamapack",
        paths=("/llamapack/quit",),
        summary="End the program",
        request=dict[str, Any],
        status=202,
        reply=("status",),
    ),
    Operation(
        dialect="llamapack",
        paths=("/openapi.json",),
        method="get",
        summary="This document",
        reply=("openapi", "info", "paths", "components"),
    ),
    Operation(
        dialect="llamapack",
        paths=("/docs",),
        method="get",
        summary="A page that shows this document",
        status=307,
        media_types=(),
    ),
)
