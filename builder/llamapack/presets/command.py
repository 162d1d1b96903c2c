"""`llamapack preset`: an example, the schema, and a check of a preset."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llamapack.presets.reader import Preset, read_preset
from llamapack.presets.schema import example_preset, preset_schema
from llamapack.text import plain


@click.command("preset")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema, by which editors complete.")
@click.option("--json", "as_json", is_flag=True, help="With FILE: print what it says as JSON.")
def preset_command(file: Path | None, schema: bool, as_json: bool) -> None:
    """Check the preset FILE; without one, print an example that has everything.

    A preset is a TOML file that says what 'llamapack build --preset' shall make. Editors complete
    one that begins with '#:schema preset.schema.json' and has that file beside it.

    \b
    Examples:
      llamapack preset > latin.toml
      llamapack preset latin.toml
      llamapack build SmolLM2.gguf --preset latin.toml
      llamapack preset --schema > preset.schema.json
    """
    if schema and file is not None:
        raise click.UsageError("Give either --schema or a FILE, not both.")
    if as_json and file is None:
        raise click.UsageError("--json needs a FILE.")
    if file is not None:
        click.echo(_told(read_preset(file), as_json))
    elif schema:
        click.echo(schema_text(), nl=False)
    else:
        click.echo(example_preset(), nl=False)


def schema_text() -> str:
    return json.dumps(preset_schema(), indent=2, ensure_ascii=False) + "\n"


def _told(preset: Preset, as_json: bool) -> str:
    if as_json:
        facts = {"flags": dict(preset.flags), "settings": dict(preset.settings)}
        return json.dumps(facts, indent=2, default=str)
    count = len(preset.flags) + len(preset.settings)
    return f"{plain(str(preset.path))} is a good preset: {count} values."
