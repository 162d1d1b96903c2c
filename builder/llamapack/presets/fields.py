"""What a preset may say, declared once: the reader, the JSON Schema and the example follow it.

Keys beside the tables are the flags of `llamapack build` without dashes; those in the tables are
the runtime's settings, by the names of their flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from llamapack.models import MAX_MODELS
from llamapack.quantize import ALIASES, TYPES
from llamapack.targets.gpu import GPU_CHOICES
from llamapack_runtime.pack.brand import LANGUAGES, MAX_CHARS, MAX_PROMPTS, ONE_LINE
from llamapack_runtime.pack.lora import MAX_ADAPTERS
from llamapack_runtime.pack.settings import PACKABLE, Option

VERSION = 1
VERSION_KEY = "preset"
MAX_NAME_CHARS = 200
Kind = Literal[
    "version",
    "line",
    "text",
    "texts",
    "choices",
    "color",
    "file",
    "switch",
    "model",
    "models",
    "adapters",
    "quantization",
    "choice",
]


# What only `llamapack build` can do; the rest is for `llamapack config`, too.
FOR_BUILDING = ("bake", "with", "lora", "mmproj", "draft", "quantize", "gpu", "readme")
# Where the command calls a flag's value otherwise.
_PARAMETERS = {"license": "license_name", "with": "further", "lora": "loras"}


@dataclass(frozen=True, slots=True)
class Field:
    """One key. `most` bounds the characters of a text, or of each of several; `most_items` how many
    there may be. `choices`: what it, or each of several, must be one of. `example` is what the
    example preset has."""

    name: str
    kind: Kind
    help: str
    example: object
    most: int = 0
    most_items: int = 0
    choices: tuple[str, ...] = ()

    @property
    def parameter(self) -> str:
        """The flag's name among the parameters of the command."""
        return _PARAMETERS.get(self.name, self.name.replace("-", "_"))


def _page(name: str, text: str, example: str) -> Field:
    return Field(name, "line" if name in ONE_LINE else "text", text, example, MAX_CHARS[name])


FIELDS = (
    Field(VERSION_KEY, "version", "The kind of this file, always 1.", VERSION),
    Field("name", "line", "What the pack is called.", "Latin teacher", MAX_NAME_CHARS),
    _page("description", "What it is for, in a sentence.", "Reads Caesar with you."),
    _page("author", "Who made it.", "M. Terentius Varro"),
    Field(
        "license",
        "line",
        "The model's licence, where its file does not say it.",
        "apache-2.0",
        MAX_NAME_CHARS,
    ),
    _page("title", "What the page calls itself.", "Magister"),
    Field("logo", "file", "Its picture, beside this file: PNG, JPEG, WebP or SVG.", "owl.svg"),
    Field("color", "color", "Its colour.", "#7a4f1a"),
    _page("welcome", "What it says before the first message.", "Salve! What shall we read?"),
    Field(
        "prompts",
        "texts",
        "First messages that it suggests.",
        ["Conjugate amare.", "Who was Cicero?"],
        MAX_CHARS["prompts"],
        MAX_PROMPTS,
    ),
    Field(
        "languages",
        "choices",
        "The languages that it offers; the first is for a browser that asks for none of them.",
        list(LANGUAGES),
        most_items=len(LANGUAGES),
        choices=LANGUAGES,
    ),
    _page("disclaimer", "What stands below the conversation.", "It can be wrong: look things up."),
    _page("about", "Who made it and why, at more length.", "Made by the school of *Reate*."),
    Field(
        "system-prompt",
        "text",
        "What the model is told before every conversation.",
        "You are a patient teacher of Latin.",
        1 << 20,
    ),
    Field(
        "system-prompt-file",
        "file",
        "A text file beside this one that holds the system prompt instead.",
        "teacher.txt",
    ),
    Field("lock-system-prompt", "switch", "The page offers no instructions of one's own.", True),
    Field("bake", "switch", "Compute the system prompt's state when the pack is made.", False),
    Field(
        "quit-when-closed",
        "switch",
        "End when the last page is closed, also after a start from a terminal; false: never.",
        True,
    ),
    Field(
        "with",
        "models",
        "More models, as [NAME=]MODEL: a file beside this one, or ollama:NAME and the like.",
        ["Qwen3.gguf", "search=all-MiniLM-L6-v2.gguf"],
        most_items=MAX_MODELS - 1,
    ),
    Field(
        "lora",
        "adapters",
        "LoRA adapters, as [NAME=]FILE[:SCALE], beside this file.",
        ["pirate.gguf", "formal=formal-v2.gguf:0"],
        most_items=MAX_ADAPTERS,
    ),
    Field("mmproj", "file", "The model's projector, beside this file.", "mmproj-model.gguf"),
    Field(
        "draft",
        "model",
        "A much smaller model that guesses for it: a file beside this one, or ollama:NAME.",
        "small.gguf",
        most=1000,
    ),
    Field(
        "quantize",
        "quantization",
        "Make the model smaller first.",
        "Q4_K_M",
        choices=(*TYPES, *ALIASES),
    ),
    Field(
        "gpu",
        "choice",
        "What is packed for graphics processors: auto; none, a smaller pack; cuda, a larger one.",
        GPU_CHOICES[0],
        choices=GPU_CHOICES,
    ),
    Field("readme", "switch", "Also write a page for whoever gets the pack.", True),
)
BY_NAME: Mapping[str, Field] = MappingProxyType({field.name: field for field in FIELDS})


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    help: str
    options: tuple[Option, ...]


def _table(name: str, group: str, text: str) -> Table:
    """Every setting of a group of the runtime's --help that has no key of its own."""
    own = BY_NAME.keys() - set(FOR_BUILDING)  # what is only for building is no setting
    found = (one for one in PACKABLE.values() if one.group == group and one.name not in own)
    return Table(name, text, tuple(found))


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            _table("sampling", "Answers", "How the model answers where a request does not say."),
            _table("model", "Model", "The context and how the model is read."),
            _table("speed", "Speed", "Threads, batches and memory."),
            _table("server", "Serving", "Address, keys, limits."),
        )
    }
)


def table_of(option: Option) -> str | None:
    """The name of the table that has it."""
    return next((name for name, one in TABLES.items() if option in one.options), None)
