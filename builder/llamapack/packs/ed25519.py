"""Ed25519 keys as files in PEM form, through the package `cryptography`, which is an extra: this is
the only module that imports it."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from llamapack.errors import SignatureError
from llamapack.text import plain

MAX_KEY_BYTES = 64 * 1024


def new_keys() -> tuple[bytes, bytes]:
    """The texts of a private and a public key file."""
    private = Ed25519PrivateKey.generate()
    return (
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def is_encrypted(path: Path) -> bool:
    return b"ENCRYPTED" in _read(path)


def read_private(path: Path, password: bytes | None) -> Ed25519PrivateKey:
    """SignatureError when it cannot be used."""
    shown = plain(str(path))
    try:
        key = load_pem_private_key(_read(path), password)
    except TypeError as error:
        needed = "needs a password, and none was given" if password is None else "has no password"
        raise SignatureError(f"The key {shown} {needed}.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError(
            f"{shown} is no private key in PEM form, or its password is another. "
            "'llamapack sign --new-key FILE' makes one."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError(f"{shown} is a key of another kind; an Ed25519 key is needed.")
    return key


def read_public(path: Path) -> Ed25519PublicKey:
    """SignatureError when it cannot be used."""
    shown = plain(str(path))
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError(
            f"{shown} is no public key in PEM form; it is the file that ends with .pub."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureError(f"{shown} is a key of another kind; an Ed25519 key is needed.")
    return key


def raw(key: Ed25519PublicKey) -> bytes:
    """32 bytes."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_genuine(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise SignatureError(
            f"The key {plain(str(path))} cannot be read: {error.strerror}."
        ) from error
