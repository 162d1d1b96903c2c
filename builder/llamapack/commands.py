"""The commands that make packs and look into them: options in, one call, result out."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from llamapack.build import BuildResult, Image, build
from llamapack.extract import extract_entry, output_path
from llamapack.inspect import pack_facts, pack_lines
from llamapack.options import TARGETS, BuildOptions, default_output, read_prompt
from llamapack.packfile import find_entry, open_pack
from llamapack.progress import TerminalReporter, style
from llamapack.text import plain, size_text, time_text
from llamapack.verify import verify_pack

FILE = click.Path(path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def _check_name(_ctx: click.Context, _param: click.Parameter, name: str | None) -> str | None:
    if name is not None and not (name.strip() and name.isprintable() and len(name) <= 200):
        raise click.BadParameter("a name is one line of 1 to 200 characters.")
    return name and name.strip()


@click.command("build")
@click.argument("model", metavar="MODEL.gguf", type=FILE)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="The file to write.  [default: here, the model's name without .gguf]",
)
@click.option(
    "--name", callback=_check_name, help="What the chat page calls it.  [default: the model's name]"
)
@click.option(
    "--target", type=click.Choice(TARGETS), default=TARGETS[0], show_default=True, help="For what."
)
@click.option(
    "--system-prompt",
    metavar="TEXT",
    help="What the model is told before a conversation that has no system message of its own.",
)
@click.option("--system-prompt-file", type=FILE, help="A text file that holds the system prompt.")
@click.option(
    "--bake",
    is_flag=True,
    help="Read the system prompt now and pack what that computes, so that no start has to read it. "
    "How much it adds is told before. Its bytes depend on this processor: elsewhere the same "
    "inputs may give others.",
)
@click.option("--force", is_flag=True, help="Replace a file that is not a pack, too.")
@json_option
def build_command(
    model: Path,
    output: Path | None,
    name: str | None,
    target: str,
    system_prompt: str | None,
    system_prompt_file: Path | None,
    bake: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make a pack: one executable file with MODEL.gguf, the runtime and a chat page inside.

    A pack of the same name is replaced in one step; when anything goes wrong, nothing is left
    behind and the older one stays.

    \b
    Examples:
      llamapack build SmolLM2.gguf
      llamapack build SmolLM2.gguf -o chat --name "My assistant"
      llamapack build SmolLM2.gguf --system-prompt "You are a patient teacher of Latin."
      llamapack build SmolLM2.gguf --system-prompt-file teacher.txt --bake
      llamapack build SmolLM2.gguf --json
    """
    if system_prompt_file is not None:
        if system_prompt is not None:
            raise click.UsageError("Give either --system-prompt or --system-prompt-file, not both.")
        system_prompt = read_prompt(system_prompt_file)
    if bake and system_prompt is None:
        raise click.UsageError("--bake needs a --system-prompt or a --system-prompt-file to read.")
    output = output or default_output(model)
    options = BuildOptions(model, output, target, name, force, system_prompt, bake)
    with TerminalReporter() as reporter:

        def get_image(wanted: str) -> Image:
            # imports the whole build of a runtime image: only when a model is fit to be packed
            from llamapack.image.store import ensure_image

            return ensure_image(wanted, reporter.note)

        result = build(options, get_image, reporter)
    click.echo(json.dumps(_result_facts(result), indent=2) if as_json else _result_text(result))


def _result_facts(result: BuildResult) -> dict[str, object]:
    return {
        "path": str(result.path.absolute()),
        "name": result.name,
        "pack_id": result.pack_id,
        "size_bytes": result.size_bytes,
        "model_bytes": result.model_bytes,
        "state_bytes": result.state_bytes,
        "duration_s": round(result.duration_s, 3),
        "warnings": list(result.warnings),
    }


def _result_text(result: BuildResult) -> str:
    extra = size_text(result.size_bytes - result.model_bytes)
    path = str(result.path)
    start = path if "/" in path else f"./{path}"
    return (
        f"{style('Made', 'green')} {plain(path)}: {plain(result.name)}, "
        f"{size_text(result.size_bytes)} ({extra} beyond the model), "
        f"in {time_text(result.duration_s)}.\n"
        f"Start it with: {shlex.quote(plain(start))}"
    )


@click.command("inspect")
@click.argument("file", type=FILE)
@json_option
def inspect_command(file: Path, as_json: bool) -> None:
    """Show what the pack FILE holds: model, runtime, settings and entries.

    The structure and the manifest are checked; 'llamapack verify' reads everything.

    \b
    Examples:
      llamapack inspect chat
      llamapack inspect chat --json
    """
    with open_pack(file) as pack:
        if as_json:
            click.echo(json.dumps(pack_facts(pack), indent=2, ensure_ascii=True))
        else:
            click.echo("\n".join(pack_lines(pack)))


@click.command("verify")
@click.argument("file", type=FILE)
@json_option
def verify_command(file: Path, as_json: bool) -> None:
    """Read the whole pack FILE and compare every entry with its SHA-256.

    \b
    Examples:
      llamapack verify chat
      llamapack verify chat --json
    """
    with open_pack(file) as pack, TerminalReporter() as reporter:
        total = sum(entry.size for entry in pack.entries)
        verify_pack(pack, reporter.start(f"Checking {plain(file.name)}", total))
        facts = {"path": str(file), "entries": len(pack.entries), "bytes": total, "intact": True}
        text = f"{plain(str(file))} is intact: {len(pack.entries)} entries, {size_text(total)}."
    click.echo(json.dumps(facts, indent=2) if as_json else text)


@click.command("extract")
@click.argument("file", type=FILE)
@click.argument("entry", required=False)
@click.option("-o", "--output", type=FILE, help="The file to write, or the folder to write into.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@json_option
def extract_command(
    file: Path, entry: str | None, output: Path | None, force: bool, as_json: bool
) -> None:
    """Take ENTRY out of the pack FILE; without ENTRY, the model, identical to the byte.

    \b
    Examples:
      llamapack extract chat
      llamapack extract chat -o models/
      llamapack extract chat manifest.json -o chat.json
    """
    with open_pack(file) as pack, TerminalReporter() as reporter:
        found = find_entry(pack, entry or pack.manifest.model.entry)
        target = output_path(found, output)
        advance = reporter.start(f"Extracting {plain(target.name)}", found.size)
        extract_entry(pack, found, target, force, advance)
    facts = {"path": str(target), "entry": found.name, "bytes": found.size, "sha256": found.sha256}
    text = f"Wrote {plain(str(target))}, {size_text(found.size)}."
    click.echo(json.dumps(facts, indent=2) if as_json else text)
