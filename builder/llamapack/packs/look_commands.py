"""The commands that look into packs: options in, one call, result out."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llamapack.arguments import FILE, json_option
from llamapack.mac.program import check_program
from llamapack.packs.diff import difference_text, differences
from llamapack.packs.extract import ENTRY_MODE, extract_entry, output_path
from llamapack.packs.inspect import pack_facts, pack_lines
from llamapack.packs.opening import find_entry, open_pack
from llamapack.packs.sbom import software_bill
from llamapack.packs.signature import check_signature, read_signature
from llamapack.packs.verify import checked_bytes, verify_pack
from llamapack.progress import TerminalReporter
from llamapack.text import plain, size_text
from llamapack.writing.newfile import new_file
from llamapack_runtime.pack import Pack


@click.command("inspect")
@click.argument("file", type=FILE)
@json_option
def inspect_command(file: Path, as_json: bool) -> None:
    """Show what the pack FILE holds: model, runtime, settings and entries.

    The structure and the manifest are checked; 'llamapack verify --full' reads everything.

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
@click.option("--full", is_flag=True, help="Read everything and compare it with its SHA-256.")
@click.option("--key", type=FILE, help="Check that the pack was signed with this public key.")
@json_option
def verify_command(file: Path, full: bool, key: Path | None, as_json: bool) -> None:
    """Check the pack FILE: at once that it is whole and its parts are where they should be, with
    --full every byte, with --key who made it. With either, an app's program is checked, too, unless
    the app was signed on a Mac, which changes it.

    \b
    Examples:
      llamapack verify chat
      llamapack verify chat --full
      llamapack verify chat --full --key maker.key.pub
    """
    with open_pack(file) as pack, TerminalReporter() as reporter:
        signer = _signer(pack, key)
        is_program_read = full or key is not None
        unchecked = check_program(pack) if is_program_read else None
        total = checked_bytes(pack) if full else 0
        if full:
            verify_pack(pack, reporter.start(f"Checking {plain(file.name)}", total))
        facts = {
            "path": str(file),
            "entries": len(pack.entries),
            "bytes": total,
            "intact": True,
            "full": full,
            "program_checked": is_program_read and unchecked is None,
            "signed_by": signer,
            "signature_checked": key is not None,
        }
        read = f"all {size_text(total)} read" if full else "read none of their bytes: see --full"
        text = f"{plain(str(file))} is intact: {len(pack.entries)} entries, {read}."
        if signer is not None:
            checked = "checked" if key is not None else "not checked: give its --key"
            text += f"\nSigned by {signer} ({checked})."
        if unchecked is not None:
            text += f"\n{unchecked}"
    click.echo(json.dumps(facts, indent=2) if as_json else text)


def _signer(pack: Pack, key: Path | None) -> str | None:
    """The fingerprint of the key that it was signed with."""
    found = read_signature(pack) if key is None else check_signature(pack, key)
    return None if found is None else found.fingerprint


@click.command("diff")
@click.argument("one", type=FILE)
@click.argument("other", type=FILE)
@click.option("--exit-code", is_flag=True, help="End with 1 when they differ.")
@json_option
def diff_command(one: Path, other: Path, exit_code: bool, as_json: bool) -> int:
    """Show in what the packs ONE and OTHER differ: presets, models, runtime.

    \b
    Examples:
      llamapack diff chat chat-new
      llamapack diff chat chat-new --json --exit-code
    """
    with open_pack(one) as before, open_pack(other) as after:
        found = differences(before, after)
    if as_json:
        facts = [{"where": d.where, "before": d.before, "after": d.after} for d in found]
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo("\n".join(map(difference_text, found)) or "They are the same.")
    return int(bool(found) and exit_code)


@click.command("sbom")
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, help="The file to write.  [default: print it]")
def sbom_command(file: Path, output: Path | None) -> None:
    """Print what the pack FILE is made of, as CycloneDX 1.6 in JSON: models, the runtime's parts,
    their versions, licences and sums. The licences' texts: 'llamapack extract FILE licenses/NAME'.

    \b
    Examples:
      llamapack sbom chat
      llamapack sbom chat -o chat.cdx.json
    """
    with open_pack(file) as pack:
        text = json.dumps(software_bill(pack), indent=2, ensure_ascii=True)
    if output is None:
        click.echo(text)
        return
    data = text.encode() + b"\n"
    with new_file(output, len(data), ENTRY_MODE) as written:
        written.write(data)
    click.echo(f"Wrote {plain(str(output))}.", err=True)


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

    'llamapack inspect FILE' lists the entries.

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
