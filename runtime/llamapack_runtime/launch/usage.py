"""The text of --help, from the table of options."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from llamapack_runtime.option import Option
from llamapack_runtime.options import ALWAYS_SO, OPTIONS


def help_text(program: str) -> str:
    """The text of --help: usage, every option by group, examples."""
    lines = [f"Usage: {program} [OPTIONS]", "", "Chat with the model in this file, offline.", ""]
    for group in dict.fromkeys(option.group for option in OPTIONS):
        lines.append(f"{group}:")
        lines += [line for option in OPTIONS if option.group == group for line in _help(option)]
        lines.append("")
    lines += [
        "Every option can also be set in the environment: --ctx-size is LLAMAPACK_CTX_SIZE.",
        "These of llama-server are accepted, and always so:",
        *textwrap.wrap(
            ", ".join(sorted(ALWAYS_SO)),
            94,
            initial_indent="  ",
            subsequent_indent="  ",
            break_on_hyphens=False,
        ),
        "",
        "Examples:",
        f"  {program}",
        f"  {program} --port 9000 --no-browser",
        f"  {program} --ctx-size 4096 --threads 4",
        f"  {program} --model other.gguf",
        f"  {program} --host 0.0.0.0 --api-key a-long-secret",
    ]
    return "\n".join(lines)


def _help(option: Option) -> Iterator[str]:
    left = f"  {', '.join(option.forms)} {option.placeholder}".rstrip()
    column = 34
    wrapped = textwrap.wrap(option.help, 96 - column)
    if len(left) >= column:
        yield left
    else:
        yield f"{left:<{column}}{wrapped.pop(0)}"
    yield from (" " * column + line for line in wrapped)
