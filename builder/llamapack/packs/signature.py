"""Ed25519 signatures of packs: over the launcher and every entry's name, size and SHA-256.

`signature.json` in the pack holds the public key and the signature; the text that is signed is

    llamapack signature 1
    launcher SIZE SHA256          all bytes before the first entry
    SIZE SHA256 NAME              of each entry but the signature, in their order

The program of an app is not among these bytes: the manifest has its size and sum.

Keys are files as OpenSSL writes them (PEM, `openssl genpkey -algorithm ed25519`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from llamapack.errors import OutputError, SignatureError
from llamapack.packs.editing import editing
from llamapack.text import plain
from llamapack.writing.newfile import new_file
from llamapack_runtime.pack import Pack
from llamapack_runtime.pack.format import MANIFEST_NAME, MAX_MANIFEST_BYTES, SIGNATURE_NAME

MAX_SIGNATURE_BYTES = 4096
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Signature:
    """`public_key` and `value` are the raw 32 and 64 bytes."""

    public_key: bytes
    value: bytes

    @property
    def fingerprint(self) -> str:
        """What people compare: SHA-256 of the raw public key, as OpenSSH shows one."""
        return fingerprint(self.public_key)


def fingerprint(public_key: bytes) -> str:
    digest = base64.b64encode(hashlib.sha256(public_key).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def sign(path: Path, key: Path, ask: Callable[[], bytes | None]) -> Signature:
    """Put a signature into the pack, in place of any that it has. `ask` gives the password of a key
    that has one. SignatureError for a key that cannot be used."""
    ed25519 = _library()
    private = ed25519.read_private(key, ask() if ed25519.is_encrypted(key) else None)
    with editing(path) as (pack, edit):
        made = Signature(ed25519.raw(private.public_key()), private.sign(signed_text(pack)))
        kept = [e for e in pack.entries if e.name not in (MANIFEST_NAME, SIGNATURE_NAME)]
        manifest = pack.read(MANIFEST_NAME, MAX_MANIFEST_BYTES)
        edit(kept, [(MANIFEST_NAME, manifest), (SIGNATURE_NAME, _to_json(made))])
    return made


def read_signature(pack: Pack) -> Signature | None:
    """SignatureError when it is none that this program can read."""
    if all(entry.name != SIGNATURE_NAME for entry in pack.entries):
        return None
    try:
        fields = json.loads(pack.read(SIGNATURE_NAME, MAX_SIGNATURE_BYTES))
        found = Signature(
            base64.b64decode(fields["public_key"], validate=True),
            base64.b64decode(fields["signature"], validate=True),
        )
        is_known = fields["algorithm"] == "ed25519"
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SignatureError(f"The signature in {plain(pack.path.name)} is damaged.") from error
    if not is_known or (len(found.public_key), len(found.value)) != (32, 64):
        raise SignatureError(
            f"The signature in {plain(pack.path.name)} is of a kind that this version cannot check."
        )
    return found


def check_signature(pack: Pack, key: Path) -> Signature:
    """The signature, made with the private half of `key` over the pack as it is. SignatureError
    when there is none, or another key's, or the pack was changed since."""
    ed25519 = _library()
    public = ed25519.read_public(key)
    name = plain(pack.path.name)
    found = read_signature(pack)
    if found is None:
        raise SignatureError(f"{name} is not signed.")
    if found.public_key != ed25519.raw(public):
        raise SignatureError(
            f"{name} was signed with another key, {found.fingerprint}, and not with "
            f"{fingerprint(ed25519.raw(public))}. Do not trust it for that."
        )
    if not ed25519.is_genuine(public, found.value, signed_text(pack)):
        raise SignatureError(
            f"{name} was changed after it was signed: its signature does not match. "
            "Get the file again from where it came from."
        )
    return found


def signed_text(pack: Pack) -> bytes:
    first = pack.entries[0].header_offset
    lines = ["llamapack signature 1", f"launcher {first} {_sha256(pack.path, first)}"]
    entries = (entry for entry in pack.entries if entry.name != SIGNATURE_NAME)
    lines += [f"{entry.size} {entry.sha256} {entry.name}" for entry in entries]
    return "\n".join(lines).encode() + b"\n"


def make_keys(path: Path) -> tuple[Path, Path]:
    """Write a new private key to `path`, for its owner's eyes alone, and the public one beside it
    with `.pub`. OutputError when one is there already."""
    ed25519 = _library()
    public_path = path.with_name(path.name + ".pub")
    for one in (path, public_path):
        if one.exists():
            raise OutputError(f"{plain(str(one))} exists; a key is never replaced. Name another.")
    secret, public = ed25519.new_keys()
    for one, data, mode in ((path, secret, 0o600), (public_path, public, 0o644)):
        with new_file(one, len(data), mode) as file:
            file.write(data)
    return path, public_path


def _library() -> ModuleType:
    """SignatureError that says how to get what is missing."""
    try:
        from llamapack.packs import ed25519  # an extra: only those who sign or check need it
    except ModuleNotFoundError as error:
        raise SignatureError(
            "Signatures need the package 'cryptography': pip install 'llamapack[sign]'."
        ) from error
    return ed25519


def _to_json(signature: Signature) -> bytes:
    fields = {
        "algorithm": "ed25519",
        "public_key": base64.b64encode(signature.public_key).decode(),
        "signature": base64.b64encode(signature.value).decode(),
    }
    return json.dumps(fields, sort_keys=True, indent=2).encode() + b"\n"


def _sha256(path: Path, count: int) -> str:
    """Of the first `count` bytes of a file."""
    digest, left = hashlib.sha256(), count
    with path.open("rb") as file:
        while left and (block := file.read(min(left, _BLOCK_BYTES))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()
