"""Settings that show more than a packer may think of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llamapack.text import plain


def exposures(settings: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each."""
    host, keys = settings.get("host"), settings.get("api-key")
    if isinstance(host, str) and not _is_own(host):
        key = "asks for the key" if keys else "makes up an API key at each start, and asks for it"
        yield f"The pack listens on {plain(host)}: other computers can reach it. It {key}."
    if keys:
        yield "Everybody who has the pack can read the API key in it."


def _is_own(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
