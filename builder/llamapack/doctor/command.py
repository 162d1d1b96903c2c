"""`llamapack doctor`: options in, one call, result out."""

from __future__ import annotations

import json

import click

from llamapack.arguments import json_option
from llamapack.completing import files
from llamapack.doctor.examine import Examination, examine
from llamapack.doctor.told import examination_lines
from llamapack.errors import ModelError, PackFileError, SettingError
from llamapack.progress import TerminalReporter

EXIT_UNPACKABLE = 1


@click.command("doctor")
@click.argument("model", metavar="MODEL", shell_complete=files)
@json_option
@click.pass_context
def doctor_command(ctx: click.Context, model: str, as_json: bool) -> None:
    """Look into MODEL, a GGUF file or a pack: what it is, how its chat template and its stop tokens
    behave, what memory it takes, and what is doubtful.

    The exit code is 0 when it can be packed, 1 when not.

    \b
    Examples:
      llamapack doctor SmolLM2.gguf
      llamapack doctor chat --json
    """
    # Imports the whole build of a runtime image.
    from llamapack.image.program import program_at_hand

    try:
        with TerminalReporter() as reporter:
            found = examine(model, program_at_hand(), reporter)
    except (ModelError, PackFileError, SettingError) as error:
        if not as_json:
            raise
        found = Examination({"path": model}, (str(error),))
    if as_json:
        lists = {"problems": list(found.problems), "doubts": list(found.doubts)}
        facts = {"packable": found.is_packable, **found.facts, **lists}
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo("\n".join(examination_lines(found)))
    if not found.is_packable:
        ctx.exit(EXIT_UNPACKABLE)
