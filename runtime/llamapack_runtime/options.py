"""Every option of the runtime, declared once: parsing, the environment and --help follow it.

Names and short forms are llama-server's wherever the thing is the same.
"""

from __future__ import annotations

from llamapack_runtime.chat_options import CHAT_OPTIONS
from llamapack_runtime.draft_options import DRAFT_OPTIONS
from llamapack_runtime.gpu_options import GPU_OPTIONS, LIST_DEVICES
from llamapack_runtime.lora_options import LORA_OPTIONS
from llamapack_runtime.option import Option
from llamapack_runtime.sampling_options import SAMPLING_OPTIONS

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0")

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
        "mmproj",
        "the projector that makes images readable for the model, a GGUF file, instead of the "
        "pack's own",
        other_names=("-mm",),
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
    *LORA_OPTIONS,
    *DRAFT_OPTIONS,
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
        "embeddings",
        "make embeddings with the chat model, too; embedding models do so without being asked",
        "switch",
        ("--embedding",),
        group="Model",
    ),
    Option(
        "pooling",
        "how the vectors of an input's tokens become one (default: the model's own, or mean)",
        placeholder="TYPE",
        choices=("none", "mean", "cls", "last", "rank"),
        group="Model",
    ),
    Option(
        "embd-normalize",
        "length of embeddings: -1 as computed, 0 the range of 16-bit numbers, 1 taxicab, 2 "
        "Euclidean, more: p-norm (default: 2)",
        "integer",
        (),
        "N",
        low=-1,
        high=1024,
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
        "speculation: guess the next tokens from earlier text, and by a draft model where there is "
        "one, and check them all at once; none does without both (default: ngram)",
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
    *GPU_OPTIONS,
    *SAMPLING_OPTIONS,
    *CHAT_OPTIONS,
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
        "ask for this key on every request; several: with commas, or again; NAME=KEY names one in "
        "the log (needed, and made up, for a host that others can reach)",
        placeholder="KEY",
        is_list=True,
    ),
    Option(
        "api-key-file",
        "a file with a key, or NAME=KEY, on each line: other users of this computer can see the "
        "command line",
        placeholder="FILE",
        is_packable=False,
    ),
    Option(
        "cors-origin",
        "let web pages of this origin, such as https://example.com, use the API; several: with "
        "commas, or again",
        placeholder="ORIGIN",
        is_list=True,
    ),
    Option(
        "timeout",
        "seconds after which an answer is cut off; 0: never (default: 0)",
        "integer",
        ("-to",),
        "N",
        low=0,
        high=2**31 - 1,
    ),
    Option("no-browser", "do not open a browser", "switch"),
    Option(
        "quit-when-closed",
        "end when the last page is closed, where this program opened a browser: auto, after a "
        "start by double-click; on, after one from a terminal, too; off, never (default: auto)",
        placeholder="WHEN",
        choices=("auto", "on", "off"),
    ),
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
    LIST_DEVICES,
    Option("json", "with --info: as JSON", "switch", is_packable=False, group="Instead of serving"),
    Option(
        "help", "show this help", "switch", ("-h",), is_packable=False, group="Instead of serving"
    ),
    Option("version", "show the version", "switch", is_packable=False, group="Instead of serving"),
)
# llama-server's switches for what is always so here: they are accepted, and change nothing.
ALWAYS_SO = frozenset(
    {
        "-cb",
        "-kvu",
        "--cache-prompt",
        "--cont-batching",
        "--jinja",
        "--kv-unified",
        "--metrics",
        "--offline",
        "--prefill-assistant",
        "--slots",
        "--ui",
        "--warmup",
        "--webui",
    }
)
# They change what the terminal shows or how the program ends, not what is served.
PRESENTATION = frozenset(
    {
        "no_browser",
        "quit_when_closed",
        "verbose",
        "log_file",
        "info",
        "list_devices",
        "json",
        "help",
        "version",
    }
)
