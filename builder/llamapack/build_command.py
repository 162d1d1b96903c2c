"""`llamapack build`: options in, one call, result out."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from llamapack import completing
from llamapack.adapters import with_loras
from llamapack.arguments import FILE, json_option
from llamapack.branding import read_branding
from llamapack.build import build
from llamapack.build_result import Made, made_text, shared_text
from llamapack.dry_run import dry_run_text
from llamapack.inputs import Found, resolve
from llamapack.inputs.from_modelfile import from_modelfile
from llamapack.mac.option import check_zips, zip_option
from llamapack.models import read_further
from llamapack.option_groups import GroupedCommand, grouped
from llamapack.options import BuildOptions, default_output, read_prompt
from llamapack.presets.checking import settings_from_flags
from llamapack.presets.option import is_given, preset_option
from llamapack.presets.reader import Preset
from llamapack.progress import TerminalReporter
from llamapack.projector import read_projector
from llamapack.quantize import file_type, quantized, renamed
from llamapack.readme import check_readme, write_readme
from llamapack.reporter import Reporter
from llamapack.shared import build_shared
from llamapack.suggesting import SuggestingChoice
from llamapack.targets.choosing import chosen_targets, image_getter
from llamapack.targets.gpu import GpuParts, gpu_option
from llamapack.targets.host import host_name
from llamapack.targets.option import TargetNames, check_name, output_for
from llamapack.targets.table import TARGETS
from llamapack_runtime.pack.brand import LANGUAGES

_PACKED, _MODEL, _PAGE = "What is packed", "What the model is told", "The chat page"
_LIFE, _RUN = "How it ends", "How it runs"


def _check_name(_ctx: click.Context, _param: click.Parameter, name: str | None) -> str | None:
    if name is not None and not (name.strip() and name.isprintable() and len(name) <= 200):
        raise click.BadParameter("this is one line of 1 to 200 characters.")
    return name and name.strip()


@click.command("build", cls=GroupedCommand)
@click.argument("model", metavar="MODEL", required=False, shell_complete=completing.files)
@click.option(
    "-f",
    "--modelfile",
    type=FILE,
    help="A Modelfile of Ollama's instead of MODEL: its FROM line names the model.",
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="The file to write.  [default: here, the model's name without .gguf]",
)
@click.option(
    "--name",
    callback=_check_name,
    help="What the pack is called, and the page without a --title.  [default: the model's name]",
)
@grouped(
    _PACKED,
    "--with",
    "further",
    metavar="[NAME=]MODEL",
    multiple=True,
    shell_complete=completing.files,
    help="One more model, again for each: requests choose it by its name, and so does the page. "
    "An embedding model finds passages in the page's documents, too.  "
    "[default name: the one in the file]",
)
@grouped(
    _PACKED,
    "--lora",
    "loras",
    metavar="[NAME=]FILE[:SCALE]",
    multiple=True,
    help="A LoRA adapter for MODEL, again for each: requests name it, and the page offers it. "
    "With a scale of 0 it acts only where it is named.  [default: the file's name, scale 1]",
)
@grouped(
    _PACKED,
    "--mmproj",
    type=FILE,
    help="The model's projector, a GGUF file: with it the model reads images, too.",
)
@grouped(
    _PACKED,
    "--draft",
    metavar="MODEL",
    shell_complete=completing.files,
    help="A much smaller model with the same vocabulary, which guesses what MODEL writes next: "
    "where it is mostly right, answers come faster. MODEL checks every guess.",
)
@preset_option
@click.option(
    "--target",
    "targets",
    metavar="TARGET[,TARGET]|all",
    type=TargetNames(),
    help=f"The operating system and the processor that it is for: {', '.join(TARGETS)}. Several "
    "give one file each, an app for macOS, with the target in its name; all: every one that there "
    "is a runtime image for.  [default: this computer's]",
)
@gpu_option
@zip_option
@click.option(
    "--shared",
    is_flag=True,
    help="One folder for all of --target but apps of macOS, such as on a USB stick: a small "
    "program for each, and the models once beside them.",
)
@grouped(
    _MODEL,
    "--system-prompt",
    metavar="TEXT",
    help="What the model is told before a conversation that has no system message of its own.",
)
@grouped(
    _MODEL,
    "--system-prompt-file",
    type=FILE,
    help="A text file that holds the system prompt.",
)
@grouped(
    _MODEL,
    "--lock-system-prompt",
    is_flag=True,
    help="The page offers no instructions of the user's own, and --system-prompt is refused when "
    "the pack is started. Programs that use the API still send what they like.",
)
@grouped(
    _MODEL,
    "--bake",
    is_flag=True,
    help="Read the system prompt now and pack what that computes, so that no start has to read it. "
    "How much it adds is told before. Its bytes depend on this processor: elsewhere the same "
    "inputs may give others.",
)
@grouped(_PAGE, "--title", metavar="TEXT", help="What the page calls itself; up to 80 characters.")
@grouped(
    _PAGE,
    "--logo",
    type=FILE,
    help="Its picture: a PNG, JPEG, WebP or SVG file of up to 256 KiB.",
)
@grouped(_PAGE, "--color", metavar="#RRGGBB", help="Its colour.")
@grouped(
    _PAGE,
    "--welcome",
    metavar="TEXT",
    help="What it says before the first message; up to 2,000 characters.",
)
@grouped(
    _PAGE,
    "--prompt",
    "prompts",
    metavar="TEXT",
    multiple=True,
    help="A first message that it suggests, again for each; up to 200 characters, and 8 of them.",
)
@grouped(
    _PAGE,
    "--language",
    "languages",
    type=SuggestingChoice(LANGUAGES),
    multiple=True,
    help="A language that it offers, again for each; the first is for a browser that asks for "
    "none of them, and a single one is fixed.  [default: all]",
)
@grouped(
    _PAGE,
    "--disclaimer",
    metavar="TEXT",
    help="What stands below the conversation at all times; up to 500 characters.",
)
@grouped(
    _PAGE,
    "--description",
    metavar="TEXT",
    help="What the pack is for, in one line of up to 300 characters.",
)
@grouped(_PAGE, "--author", metavar="TEXT", help="Who made it; up to 120 characters.")
@grouped(
    _PAGE,
    "--license",
    "license_name",
    metavar="TEXT",
    callback=_check_name,
    help="The model's licence.  [default: the one in its file]",
)
@grouped(_PAGE, "--about", metavar="TEXT", help="Who made it and why; up to 4,000 characters.")
@grouped(
    _LIFE,
    "--quit-when-closed/--keep-running",
    default=None,
    help="Whether a pack that was started by double-click ends when its last page is closed.  "
    "[default: it ends]",
)
@grouped(
    _RUN,
    "--set",
    "pairs",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=completing.settings,
    help="Pack a setting of the runtime, again for each, by the name of its flag: temp=0.3, "
    "ctx-size=8192, port=9000 and all others that a pack's own --help shows.",
)
@grouped(
    _PACKED,
    "--quantize",
    metavar="TYPE",
    shell_complete=completing.quantizations,
    help="Make the model smaller first, as llama-quantize does: Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q3_K_M "
    "and others. The pack is named after the smaller model.",
)
@click.option(
    "--readme/--no-readme",
    default=None,
    help="Also write NAME.readme.html beside the pack: for whoever gets it, how to start it.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be packed; write nothing.")
@click.option("--force", is_flag=True, help="Replace a file that is not a pack, too.")
@json_option
def build_command(
    model: str | None,
    modelfile: Path | None,
    output: Path | None,
    name: str | None,
    further: tuple[str, ...],
    loras: tuple[str, ...],
    mmproj: Path | None,
    draft: str | None,
    preset: Preset | None,
    targets: tuple[str, ...] | None,
    shared: bool,
    gpu: GpuParts,
    has_zip: bool,
    system_prompt: str | None,
    system_prompt_file: Path | None,
    lock_system_prompt: bool,
    bake: bool,
    logo: Path | None,
    quit_when_closed: bool | None,
    pairs: tuple[str, ...],
    license_name: str | None,
    quantize: str | None,
    readme: bool | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
    **page: Any,
) -> None:
    """Make a pack: one executable file with MODEL, the runtime and a chat page inside.

    MODEL is a GGUF file; any part of one in several files; a folder with one in it; a Modelfile;
    or a model of another program's: ollama:NAME, lmstudio:PUBLISHER/REPO, hf:OWNER/REPO. Only hf:
    opens a connection, for what is not in Hugging Face's cache on this computer.

    A pack of the same name is replaced in one step; when anything goes wrong, nothing is left
    behind and the older one stays.

    \b
    Examples:
      llamapack build SmolLM2.gguf
      llamapack build SmolLM2.gguf -o chat --name "My assistant"
      llamapack build SmolLM2.gguf --system-prompt "You are a patient teacher of Latin."
      llamapack build SmolLM2.gguf --system-prompt-file teacher.txt --bake
      llamapack build SmolLM2.gguf --title "Latin" --logo owl.svg --color "#7a4f1a" \\
          --welcome "Salve! What shall we read?" --prompt "Conjugate amare." \\
          --prompt "Who was Cicero?" --disclaimer "It can be wrong: look things up."
      llamapack build SmolLM2.gguf --target linux-x86_64,windows-x86_64
      llamapack build SmolLM2.gguf --target macos-arm64 --zip
      llamapack build SmolLM2.gguf --target all --shared -o stick
      llamapack build Qwen3-00001-of-00003.gguf
      llamapack build ollama:llama3.2:1b
      llamapack build -f Modelfile
      llamapack build lmstudio:publisher/model-GGUF:Q4_K_M
      llamapack build hf:owner/model-GGUF:Q4_K_M
      llamapack build SmolLM2.gguf --with Qwen3.gguf --with search=all-MiniLM-L6-v2.gguf
      llamapack build SmolLM2.gguf --lora pirate.gguf --lora formal=formal-v2.gguf:0
      llamapack build SmolVLM.gguf --mmproj mmproj-SmolVLM.gguf
      llamapack build Qwen2.5-7B.gguf --draft Qwen2.5-0.5B.gguf
      llamapack build SmolLM2.gguf --preset latin.toml --title "Latin II"
      llamapack build SmolLM2.gguf --keep-running
      llamapack build SmolLM2.gguf --gpu none
      llamapack build SmolLM2.gguf --set temp=0.3 --set ctx-size=8192
      llamapack build SmolLM2-F16.gguf --quantize Q4_K_M
      llamapack build SmolLM2-F16.gguf --quantize Q4_K_M --dry-run
      llamapack build SmolLM2.gguf --readme --json
    """
    kind = None if quantize is None else file_type(quantize)
    with TerminalReporter() as reporter:
        found = with_loras(_find(model, modelfile, reporter), loras)
        others = tuple(read_further(text, reporter) for text in further)
        guessing = None if draft is None else resolve(draft, reporter)
    given = {**(preset.settings if preset else {}), **settings_from_flags(pairs)}
    settings = {**found.settings, **given}
    packed_prompt = settings.pop("system-prompt", None)
    if system_prompt_file is not None:
        if system_prompt is not None and is_given("system_prompt"):
            raise click.UsageError("Give either --system-prompt or --system-prompt-file, not both.")
        system_prompt = read_prompt(system_prompt_file)
    if system_prompt is None and isinstance(packed_prompt, str):
        system_prompt = packed_prompt
    if bake and system_prompt is None:
        raise click.UsageError("--bake needs a --system-prompt or a --system-prompt-file to read.")
    if lock_system_prompt and system_prompt is None:
        raise click.UsageError(
            "--lock-system-prompt needs a --system-prompt or a --system-prompt-file to lock."
        )
    if mmproj is not None:
        found = found.with_projector(None)  # what was found beside it is not asked for
    if shared and (readme or bake or dry_run or has_zip):
        raise click.UsageError("--shared goes with none of --readme, --bake, --zip and --dry-run.")
    path = output or default_output(found if kind is None else renamed(found, kind))
    check_name(path, path.name)
    chosen = chosen_targets(
        targets, lambda line: click.echo(line, err=True), is_shared=shared, gpu=gpu
    )
    options = BuildOptions(
        model=found,
        output=path if shared else output_for(chosen[0], path, len(chosen) == 1),
        is_shared=shared,
        target=chosen[0],
        name=name,
        force=force,
        system_prompt=system_prompt,
        bake=bake,
        branding=read_branding({**page, "is_system_prompt_locked": lock_system_prompt}, logo),
        quits_when_closed=quit_when_closed,
        settings=settings,
        license_name=license_name,
        further=others,
        projector=None if mmproj is None else read_projector(mmproj, found.gguf),
        draft=guessing,
        has_zip=has_zip,
    )
    wanted = [
        options,
        *(
            replace(options, target=one, output=path if shared else output_for(one, path, False))
            for one in chosen[1:]
        ),
    ]
    if has_zip:
        check_zips([(one.target, one.output) for one in wanted], force)
    for one in wanted if readme else ():
        check_readme(one.output, force)
    if dry_run:
        click.echo(dry_run_text(wanted, kind, gpu, as_json))
        return
    with contextlib.ExitStack() as resources:
        reporter = resources.enter_context(TerminalReporter())
        if kind is not None:
            # As below.
            from llamapack.image.program import ensure_program

            program = ensure_program(reporter.note)
            smaller = resources.enter_context(
                quantized(found, kind, options.output, program, reporter)
            )
            wanted = [replace(one, model=smaller) for one in wanted]
        get_image = image_getter(reporter.note, gpu=gpu)
        if shared:
            click.echo(shared_text(build_shared(wanted, get_image, reporter), as_json))
            return
        results = [build(one, get_image, reporter) for one in wanted]
    pages = [write_readme(result.path) if readme else None for result in results]
    made = [
        Made(one.target, result, one.target == host_name(), page)
        for one, result, page in zip(wanted, results, pages, strict=True)
    ]
    click.echo(made_text(made, as_json))


def _find(model: str | None, modelfile: Path | None, reporter: Reporter) -> Found:
    if (model is None) == (modelfile is None):
        raise click.UsageError("Name one MODEL, or a Modelfile with -f.")
    if modelfile is not None:
        return from_modelfile(modelfile)
    assert model is not None, "one of the two is given"
    return resolve(model, reporter)
