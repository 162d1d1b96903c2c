"""Signatures that OpenSSL can make keys for, and that notice every change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from command_line import Run
from llamapack.packs.signature import read_signature, signed_text
from llamapack_runtime.pack import Pack


@pytest.fixture
def key(workplace: Path, run: Run) -> Path:
    assert run("sign", "--new-key", "my.key").code == 0
    return workplace / "my.key"


@pytest.fixture
def signed(pack: Path, key: Path, run: Run) -> Path:
    assert run("sign", pack, "--key", key).code == 0
    return pack


def test_a_signed_pack_is_still_a_pack(signed: Path, run: Run) -> None:
    assert run("verify", signed, "--full").code == 0
    assert subprocess.run([signed], capture_output=True, check=False).stdout == b"started\n"
    with zipfile.ZipFile(signed) as archive:
        assert archive.namelist()[-2:] == ["manifest.json", "signature.json"]


def test_the_maker_is_known(signed: Path, run: Run) -> None:
    ran = run("verify", signed, "--key", "my.key.pub")
    assert (ran.code, "(checked)" in ran.out) == (0, True)
    facts = json.loads(run("verify", signed, "--json").out)
    assert facts["signed_by"].startswith("SHA256:")
    assert facts["signature_checked"] is False


def test_it_is_ed25519_over_the_text_that_is_documented(signed: Path) -> None:
    with Pack.open(signed) as pack:
        found = read_signature(pack)
        text = signed_text(pack)
        entries = pack.entries
    assert found is not None
    Ed25519PublicKey.from_public_bytes(found.public_key).verify(found.value, text)
    lines = text.decode().splitlines()
    assert lines[0] == "llamapack signature 1"
    assert lines[2:] == [f"{e.size} {e.sha256} {e.name}" for e in entries[:-1]]


def test_any_change_is_noticed(signed: Path, run: Run) -> None:
    data = bytearray(signed.read_bytes())
    data[5] ^= 1
    signed.write_bytes(data)
    ran = run("verify", signed, "--key", "my.key.pub")
    assert (ran.code, "was changed after it was signed" in ran.err) == (1, True)


def test_other_presets_take_the_signature_away(signed: Path, run: Run) -> None:
    ran = run("config", signed, "--set", "temp=1")
    assert (ran.code, "sign it again" in ran.err) == (0, True)
    ran = run("verify", signed, "--key", "my.key.pub")
    assert (ran.code, "is not signed" in ran.err) == (1, True)


def test_a_second_signature_replaces_the_first(signed: Path, run: Run) -> None:
    assert run("sign", "--new-key", "other.key").code == 0
    assert run("sign", signed, "--key", "other.key").code == 0
    assert run("verify", signed, "--key", "other.key.pub").code == 0
    ran = run("verify", signed, "--key", "my.key.pub")
    assert (ran.code, "was signed with another key" in ran.err) == (1, True)


def test_the_private_key_is_for_its_owner_and_never_replaced(key: Path, run: Run) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    ran = run("sign", "--new-key", key)
    assert (ran.code, "a key is never replaced" in ran.err) == (1, True)
    assert key.read_bytes() == before


@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL is not installed")
def test_keys_of_openssl_with_a_password(
    pack: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = ["openssl", "genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret"]
    subprocess.run([*make, "-out", "locked.key"], check=True, capture_output=True)
    show = ["openssl", "pkey", "-in", "locked.key", "-passin", "pass:secret", "-pubout"]
    subprocess.run([*show, "-out", "locked.pub"], check=True, capture_output=True)
    ran = run("sign", pack, "--key", "locked.key")
    assert (ran.code, "needs a password" in ran.err) == (1, True)
    monkeypatch.setenv("LLAMAPACK_KEY_PASSWORD", "wrong")
    assert "its password is another" in run("sign", pack, "--key", "locked.key").err
    monkeypatch.setenv("LLAMAPACK_KEY_PASSWORD", "secret")
    assert run("sign", pack, "--key", "locked.key").code == 0
    assert run("verify", pack, "--key", "locked.pub").code == 0


@pytest.mark.parametrize("text", [b"", b"no key", os.urandom(99)])
def test_what_is_no_key_is_refused(signed: Path, run: Run, text: bytes) -> None:
    Path("bad").write_bytes(text)
    assert "is no private key" in run("sign", signed, "--key", "bad").err
    assert "is no public key" in run("verify", signed, "--key", "bad").err


def test_a_key_that_is_not_there(signed: Path, run: Run) -> None:
    assert "cannot be read" in run("verify", signed, "--key", "nowhere").err


@pytest.mark.parametrize("arguments", [[], ["chat"], ["chat", "--new-key", "k"]])
def test_usage(pack: Path, run: Run, arguments: list[str]) -> None:  # noqa: ARG001
    assert run("sign", *arguments).code == 2
