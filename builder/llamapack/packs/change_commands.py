"""The commands that change a pack which is made already."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from llamapack.arguments import FILE, json_option
from llamapack.image_entries import Image
from llamapack.mac.places import is_signed
from llamapack.packs.config import ConfigResult, configure, presets_of
from llamapack.packs.diff import difference_text
from llamapack.packs.opening import open_pack
from llamapack.packs.signature import make_keys, sign
from llamapack.packs.update import SIGNED_ON_MAC, UpdateResult, update
from llamapack.presets.reader import read_preset
from llamapack.presets.writing import preset_text
from llamapack.progress import TerminalReporter, style
from llamapack.targets.gpu import GpuParts
from llamapack.text import plain, size_text, time_text

ASKED_VARIABLE = "LLAMAPACK_KEY_PASSWORD"


@click.command("config")
@click.argument("file", type=FILE)
@click.option(
    "--set", "pairs", metavar="NAME=VALUE", multiple=True, help="A value to change; again for each."
)
@click.option(
    "--unset", metavar="NAME", multiple=True, help="A value to put back to what it is by itself."
)
@click.option("--preset", type=FILE, help="A preset file; --set wins over it.")
@json_option
def config_command(
    file: Path, pairs: tuple[str, ...], unset: tuple[str, ...], preset: Path | None, as_json: bool
) -> None:
    """Change presets of the pack FILE in place; without options, show them as a preset file.

    A few kilobytes are written, however large the models are, and a kill or a power cut leaves the
    old presets or the new ones. NAME is what 'llamapack build' calls it: name, title, color, logo,
    welcome, prompt and language (again for each), disclaimer, about, description, author, license,
    system-prompt, system-prompt-file, lock-system-prompt, or a setting of the runtime such as temp
    or ctx-size. People keep their chats.

    \b
    Examples:
      llamapack config chat
      llamapack config chat --set temp=0.3 --set ctx-size=8192
      llamapack config chat --set title=Latin --set "prompt=Conjugate amare."
      llamapack config chat --set system-prompt-file=teacher.txt --unset temp
      llamapack config chat --preset latin.toml
    """
    if not (pairs or unset or preset):
        _show_presets(file, as_json)
        return
    result = configure(file, pairs, unset, None if preset is None else read_preset(preset))
    for name in result.lost:
        _warn_of_loss(name)
    if result.left_out:
        _warn(
            f"{', '.join(result.left_out)} of the preset: left out, since 'llamapack build' does "
            "it and a pack that is made keeps what it has."
        )
    if result.changes and is_signed(file):
        _warn(SIGNED_ON_MAC)
    click.echo(json.dumps(_config_facts(result), indent=2) if as_json else _config_text(result))


@click.command("update")
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, help="Write another file.  [default: replace FILE]")
@json_option
def update_command(file: Path, output: Path | None, as_json: bool) -> None:
    """Give the pack FILE the runtime of this llamapack; models, presets and chats stay, and one
    that was made with '--gpu none' or '--gpu cuda' goes on so.

    The models are copied as they are and not read: 'llamapack verify --full' reads them.

    \b
    Examples:
      llamapack update chat
      llamapack update chat -o chat-new
      llamapack update chat --json
    """
    with TerminalReporter() as reporter:

        def get_image(target: str, gpu: GpuParts) -> Image:
            # imports the whole build of a runtime image: only when a pack is there
            from llamapack.image.gpu_parts import fitted
            from llamapack.image.store import ensure_image

            return fitted(ensure_image(target, reporter.note), gpu, reporter.note)

        result = update(file, output or file, get_image, reporter)
    click.echo(json.dumps(_update_facts(result), indent=2) if as_json else _update_text(result))


@click.command("sign")
@click.argument("file", type=FILE, required=False)
@click.option("--key", type=FILE, help="The private key: an Ed25519 key in PEM form.")
@click.option("--new-key", type=FILE, help="Make a key: this file, and its public half in .pub.")
@json_option
def sign_command(file: Path | None, key: Path | None, new_key: Path | None, as_json: bool) -> None:
    """Sign the pack FILE, so that others can check that it is yours and as you made it.

    The signature is put into the pack. Give people the .pub file, or its fingerprint, on another
    way than the pack; they check with 'llamapack verify FILE --key KEY.pub'. A key with a password
    asks for it, or takes it from LLAMAPACK_KEY_PASSWORD.

    \b
    Examples:
      llamapack sign --new-key my.key
      llamapack sign chat --key my.key
    """
    if new_key is not None:
        if file is not None or key is not None:
            raise click.UsageError("--new-key only makes a key; sign with --key afterwards.")
        private, public = make_keys(new_key)
        facts = {"key": str(private), "public_key": str(public)}
        text = f"Made {plain(str(private))}, to keep, and {plain(str(public))}, to give away."
    else:
        if file is None or key is None:
            raise click.UsageError("Name the pack and the key: llamapack sign FILE --key KEY.")
        made = sign(file, key, _ask)
        if is_signed(file):
            _warn(SIGNED_ON_MAC)
        facts = {"path": str(file), "fingerprint": made.fingerprint}
        text = f"Signed {plain(str(file))} with {made.fingerprint}."
    click.echo(json.dumps(facts, indent=2) if as_json else text)


def _show_presets(file: Path, as_json: bool) -> None:
    with open_pack(file) as pack:
        flags, settings = presets_of(pack.manifest)
    if as_json:
        said = {key: value for key, value in flags.items() if value is not None}
        click.echo(json.dumps({**said, **settings}, indent=2))
    else:
        click.echo(preset_text(flags, settings), nl=False)


def _warn_of_loss(name: str) -> None:
    what = {
        "signature.json": "The signature was for the pack as it was; sign it again.",
        "state/system.state": "The baked state of the system prompt no longer fits and is gone; "
        "the first start computes it again.",
    }
    _warn(what[name])


def _warn(sentence: str) -> None:
    click.echo(f"{style('Warning:', 'yellow')} {sentence}", err=True)


def _config_facts(result: ConfigResult) -> dict[str, object]:
    return {
        "path": str(result.path),
        "changes": [
            {"where": one.where, "before": one.before, "after": one.after} for one in result.changes
        ],
        "lost": list(result.lost),
        "left_out": list(result.left_out),
        "size_bytes": result.size_bytes,
    }


def _config_text(result: ConfigResult) -> str:
    if not result.changes:
        return f"{plain(str(result.path))} has these presets already."
    return "\n".join(map(difference_text, result.changes))


def _update_facts(result: UpdateResult) -> dict[str, object]:
    return {
        "path": str(result.path),
        "is_changed": result.is_changed,
        "runtime_before": result.before,
        "runtime_after": result.after,
        "size_bytes": result.size_bytes,
        "duration_s": round(result.duration_s, 3),
    }


def _update_text(result: UpdateResult) -> str:
    path = plain(str(result.path))
    if not result.is_changed and not result.duration_s:
        return f"{path} has this runtime already ({result.after})."
    return (
        f"{style('Updated', 'green')} {path}: {size_text(result.size_bytes)}, runtime "
        f"{result.before} -> {result.after}, in {time_text(result.duration_s)}."
    )


def _ask() -> bytes | None:
    """The password of a key: from the environment, else asked for on a terminal."""
    given = os.environ.get(ASKED_VARIABLE)
    if given is not None:
        return given.encode()
    if not sys.stdin.isatty():
        return None
    text: str = click.prompt("The key's password", hide_input=True, err=True)
    return text.encode()
