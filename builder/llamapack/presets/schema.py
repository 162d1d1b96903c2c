"""The JSON Schema of presets, by which editors complete and check them, and an example of one. Both
follow the declaration."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from llamapack.presets.fields import FIELDS, TABLES, VERSION, VERSION_KEY, Field
from llamapack.presets.writing import toml_value
from llamapack_runtime.pack.brand import COLOR_PATTERN
from llamapack_runtime.pack.settings import Option

# What editors for TOML understand.
DIALECT = "http://json-schema.org/draft-07/schema#"
SCHEMA_NAME = "preset.schema.json"


def preset_schema() -> dict[str, Any]:
    properties = {field.name: _field_schema(field) for field in FIELDS}
    tables = {
        table.name: {
            "type": "object",
            "description": table.help,
            "properties": {option.name: _option_schema(option) for option in table.options},
            "additionalProperties": False,
        }
        for table in TABLES.values()
    }
    return {
        "$schema": DIALECT,
        "title": "A preset of llamapack",
        "description": "What 'llamapack build MODEL --preset FILE' puts into a pack.",
        "type": "object",
        "properties": properties | tables,
        "required": [VERSION_KEY],
        "additionalProperties": False,
        "not": {"required": ["system-prompt", "system-prompt-file"]},
    }


def example_preset() -> str:
    """Every key with its meaning; only the first is not commented out."""
    lines = [f"#:schema {SCHEMA_NAME}", "# For: llamapack build MODEL.gguf --preset THIS.toml", ""]
    for field in FIELDS:
        mark = "" if field.name == VERSION_KEY else "# "
        lines += [f"# {field.help}", f"{mark}{field.name} = {toml_value(field.example)}"]
    for table in TABLES.values():
        lines += ["", f"# {table.help}", f"# [{table.name}]"]
        for option in table.options:
            lines += [f"# {option.help}", f"# {option.name} = {toml_value(_example(option))}"]
    return "\n".join(lines) + "\n"


def _field_schema(field: Field) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1} | ({"maxLength": field.most} if field.most else {})
    texts = {"type": "array", "items": text, "maxItems": field.most_items}
    shapes: dict[str, dict[str, Any]] = {
        "version": {"const": VERSION},
        "switch": {"type": "boolean"},
        "line": text,
        "text": text,
        "file": text,
        "model": text,
        "color": {"type": "string", "pattern": f"^{COLOR_PATTERN}$"},
        "texts": texts,
        "models": texts,
        "adapters": texts,
        "quantization": {"enum": list(field.choices)},
        "choice": {"enum": list(field.choices)},
        "choices": {
            "type": "array",
            "items": {"enum": list(field.choices)},
            "uniqueItems": True,
            "maxItems": field.most_items,
        },
    }
    return {"description": field.help} | shapes[field.kind]


def _option_schema(option: Option) -> dict[str, Any]:
    kinds = {"text": "string", "switch": "boolean", "integer": "integer", "number": "number"}
    schema: dict[str, Any] = {"type": kinds[option.kind]}
    schema |= dict(_bounds(option))
    if option.is_list:
        schema = {"anyOf": [schema, {"type": "array", "items": schema}]}
    return {"description": option.help} | schema


def _bounds(option: Option) -> Iterator[tuple[str, Any]]:
    if option.choices:
        yield "enum", list(option.choices)
    elif option.kind == "text":
        yield "minLength", 1
    for name, bound in (("minimum", option.low), ("maximum", option.high)):
        if math.isfinite(bound):
            yield name, bound


def _example(option: Option) -> object:
    """The default, where the help tells one."""
    examples: dict[str, object] = {"ctx-size": 8192, "parallel": 4}
    told = _DEFAULT.search(option.help)
    if option.name in examples:
        return examples[option.name]
    if option.kind in ("integer", "number"):
        convert = int if option.kind == "integer" else float
        return convert(told[1]) if told is not None else convert(max(option.low, 0))
    if option.choices:
        word = _WORD_DEFAULT.search(option.help)
        return word[1] if word is not None and word[1] in option.choices else option.choices[0]
    return True if option.kind == "switch" else _TEXT_EXAMPLES.get(option.name, "…")


_DEFAULT = re.compile(r"\(default: (-?\d+(?:\.\d+)?)")
_WORD_DEFAULT = re.compile(r"\(default: ([\w-]+)")
_TEXT_EXAMPLES = {
    "alias": "latin",
    "api-key": ["school=a-long-secret"],
    "chat-template": "chatml",
    "chat-template-kwargs": '{"enable_thinking": false}',
    "cors-origin": ["https://example.com"],
    "cpu-variant": "haswell",
    "gpu": "off",
    "gpu-layers": "24",
    "host": "127.0.0.1",
    "logit-bias": ["15043-1"],
    "opening-messages": '[{"role": "user", "content": "Hello"}]',
    "samplers": "top_k;top_p;temperature",
}
