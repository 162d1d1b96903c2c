"""Every option of the runtime, declared once: parsing, the environment and --help follow it.

Names and short forms are llama-server's wherever the thing is the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

ENVIRONMENT_PREFIX = "LLAMAPACK_"
CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0")
Kind = Literal["text", "integer", "number", "switch"]
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `name` is the long form without dashes and the key in a pack's settings; `low`
    and `high` bound a number, both included."""

    name: str
    help: str
    kind: Kind = "text"
    other_names: tuple[str, ...] = ()  # as typed, with dashes
    placeholder: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    is_packable: bool = True
    group: str = "Serving"

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.replace("-", "_").upper()

    @property
    def forms(self) -> tuple[str, ...]:
        return (*self.other_names, f"--{self.name}")


OPTIONS = (
    Option(
        "model",
        "serve this GGUF file instead of the model in the pack",
        other_names=("-m",),
        placeholder="FILE",
        is_packable=False,
        group="Model",
    ),
    Option(
        "alias",
        "the model's name in the API",
        other_names=("-a",),
        placeholder="NAME",
        group="Model",
    ),
    Option(
        "ctx-size",
        "tokens of context, shared by all conversations; 0: as many as the model was trained with "
        "(default: as many as fit in memory)",
        "integer",
        ("-c",),
        "N",
        low=0,
        high=2**31 - 1,
        group="Model",
    ),
    Option(
        "cache-type-k",
        "type of the keys in the KV cache (default: f16)",
        other_names=("-ctk",),
        placeholder="TYPE",
        choices=CACHE_TYPES,
        group="Model",
    ),
    Option(
        "cache-type-v",
        "type of the values in the KV cache (default: f16)",
        other_names=("-ctv",),
        placeholder="TYPE",
        choices=CACHE_TYPES,
        group="Model",
    ),
    Option(
        "flash-attn",
        "flash attention: on, off or auto (default: auto)",
        other_names=("-fa",),
        placeholder="WHEN",
        choices=("on", "off", "auto"),
        group="Model",
    ),
    Option(
        "context-shift",
        "when the context is full, forget the oldest part and go on",
        "switch",
        group="Model",
    ),
    Option("no-mmap", "read the model into memory instead of mapping it", "switch", group="Model"),
    Option(
        "chat-template",
        "a Jinja chat template, or 'chatml', instead of the model's own",
        placeholder="TEMPLATE",
        group="Model",
    ),
    Option(
        "chat-template-file",
        "a file that holds the Jinja chat template",
        placeholder="FILE",
        is_packable=False,
        group="Model",
    ),
    Option(
        "system-prompt",
        "what the model is told before a conversation that has no system message of its own",
        other_names=("-sys",),
        placeholder="TEXT",
        group="Model",
    ),
    Option(
        "system-prompt-file",
        "a text file that holds the system prompt",
        other_names=("-sysf",),
        placeholder="FILE",
        is_packable=False,
        group="Model",
    ),
    Option(
        "threads",
        "threads that generate text (default: measured)",
        "integer",
        ("-t",),
        "N",
        low=1,
        high=1024,
        group="Speed",
    ),
    Option(
        "threads-batch",
        "threads that read prompts (default: measured)",
        "integer",
        ("-tb",),
        "N",
        low=1,
        high=1024,
        group="Speed",
    ),
    Option(
        "batch-size",
        "most tokens in one step (default: 512)",
        "integer",
        ("-b",),
        "N",
        low=1,
        high=65536,
        group="Speed",
    ),
    Option(
        "ubatch-size",
        "most tokens computed at once (default: 512)",
        "integer",
        ("-ub",),
        "N",
        low=1,
        high=65536,
        group="Speed",
    ),
    Option(
        "parallel",
        "conversations that can run at once (default: 4)",
        "integer",
        ("-np",),
        "N",
        low=1,
        high=256,
        group="Speed",
    ),
    Option(
        "cache-ram",
        "MiB of memory for the saved states of earlier conversations; 0 turns it off (default: a "
        "part of what is free)",
        "integer",
        ("-cram",),
        "N",
        low=0,
        high=2**31 - 1,
        group="Speed",
    ),
    Option(
        "spec-type",
        "speculation: guess the next tokens from earlier text and check them all at once "
        "(default: ngram)",
        placeholder="TYPE",
        choices=("none", "ngram"),
        group="Speed",
    ),
    Option(
        "gemm",
        "leave products of many tokens to OpenBLAS: where a trial shows that it is faster, or "
        "never (default: auto)",
        placeholder="WHEN",
        choices=("auto", "off"),
        group="Speed",
    ),
    Option(
        "cpu-variant",
        "use this build of the CPU code, such as 'haswell', without measuring",
        placeholder="NAME",
        group="Speed",
    ),
    Option(
        "temp",
        "default temperature; 0 always takes the likeliest token (default: 0.8)",
        "number",
        ("--temperature",),
        "X",
        low=0,
        high=100,
        group="Answers",
    ),
    Option(
        "top-k",
        "default top-k; 0 turns it off (default: 40)",
        "integer",
        (),
        "N",
        low=0,
        high=2**31 - 1,
        group="Answers",
    ),
    Option(
        "top-p",
        "default top-p; 1 turns it off (default: 0.95)",
        "number",
        (),
        "X",
        low=0,
        high=1,
        group="Answers",
    ),
    Option(
        "min-p",
        "default min-p; 0 turns it off (default: 0.05)",
        "number",
        (),
        "X",
        low=0,
        high=1,
        group="Answers",
    ),
    Option(
        "seed",
        "default seed; -1 draws one for each answer (default: -1)",
        "integer",
        ("-s",),
        "N",
        low=-1,
        high=2**32 - 1,
        group="Answers",
    ),
    Option(
        "predict",
        "most tokens in an answer; -1: until the model stops (default: -1)",
        "integer",
        ("-n", "--n-predict"),
        "N",
        low=-1,
        high=2**31 - 1,
        group="Answers",
    ),
    Option("host", "address to listen on (default: 127.0.0.1)", placeholder="ADDRESS"),
    Option(
        "port",
        "port to listen on (default: 8080, or the next one that is free)",
        "integer",
        (),
        "N",
        low=0,
        high=65535,
    ),
    Option(
        "api-key",
        "ask for this key on every request (needed, and made up, for a host that others can reach)",
        placeholder="KEY",
    ),
    Option("no-browser", "do not open a browser", "switch"),
    Option("verbose", "write more to the log", "switch", ("-v",), is_packable=False),
    Option(
        "log-file",
        "write the log to this file instead of the terminal",
        placeholder="FILE",
        is_packable=False,
    ),
    Option(
        "info",
        "say what would run here and how, then stop",
        "switch",
        is_packable=False,
        group="Instead of serving",
    ),
    Option("json", "with --info: as JSON", "switch", is_packable=False, group="Instead of serving"),
    Option(
        "help", "show this help", "switch", ("-h",), is_packable=False, group="Instead of serving"
    ),
    Option("version", "show the version", "switch", is_packable=False, group="Instead of serving"),
)
# They change what the terminal shows, not what is served.
PRESENTATION = frozenset({"no_browser", "verbose", "log_file", "info", "json", "help", "version"})
