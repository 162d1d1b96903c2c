"""The options of LoRA adapters, and how their values are read. The names are llama-server's."""

from __future__ import annotations

from llamapack_runtime.errors import UsageError
from llamapack_runtime.option import Option
from llamapack_runtime.pack.lora import LoraWish, read_wish

LORA_OPTIONS = (
    Option(
        "lora",
        "a LoRA adapter: NAME=FILE:SCALE, of which the name and the scale can be left out (scale "
        "0: only in requests that name it); several: with commas, or again",
        placeholder="FILE",
        is_list=True,
        is_packable=False,
        group="Model",
    ),
    Option(
        "lora-scaled",
        "the same as --lora FILE:SCALE",
        placeholder="FILE:SCALE",
        is_list=True,
        is_packable=False,
        group="Model",
    ),
    Option(
        "lora-init-without-apply",
        "adapters act only in requests that name them, or after POST /lora-adapters",
        "switch",
        is_packable=False,
        group="Model",
    ),
)


def parse_loras(texts: tuple[str, ...], flag: str = "--lora") -> tuple[LoraWish, ...]:
    """UsageError that names the one that cannot be read."""
    found = []
    for text in texts:
        try:
            found.append(read_wish(text))
        except ValueError as error:
            raise UsageError(f"{flag} {text[:200]} {error}.") from error
    return tuple(found)
