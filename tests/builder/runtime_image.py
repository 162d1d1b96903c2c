"""A runtime image whose program is a script of the test's."""

from __future__ import annotations

import io
import shlex
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import zstandard

from command_line import LAUNCHER
from llamapack.image import store
from llamapack.image.freeze import PROGRAM

ROOT = Path(__file__).resolve().parents[2]
KEY = "fedcba9876543210"


def add_image(folder: Path, script: str, *, architectures: tuple[str, ...] = ("llama",)) -> None:
    """Put it into the cache, newer than the others; `folder` gets what it is made of."""
    archive = program_archive(f"#!/bin/sh\n{script}\n")
    facts = {"architectures": list(architectures)}
    store.add_image(image_of(folder, "linux-x86_64", archive, LAUNCHER, facts))


def image_of(
    folder: Path,
    target: str,
    archive: bytes,
    launcher: bytes,
    facts: Mapping[str, object] | None = None,
    key: str = KEY,
) -> Path:
    """What `llamapack runtime add` takes, made in `folder`."""
    made = folder / "made"
    (made / "licenses").mkdir(parents=True)
    (made / "licenses" / "a.txt").write_text("as is")
    (made / "runtime.tar.zst").write_bytes(archive)
    (made / "launcher").write_bytes(launcher)
    usual = {
        "glibc_floor": "2.28" if target.startswith("linux") else None,
        "versions": {"llama-cpp-python": "0.3.36"},
        "architectures": ["llama"],
    }
    store.write_facts(made, target, key, usual | dict(facts or {}))
    store.export_image(store.load_image(made), folder / "program.image")
    return folder / "program.image"


def runtime_from_source(libraries: Path) -> str:
    """A script that starts this tree's runtime with the native `libraries`."""
    python, source = shlex.quote(sys.executable), shlex.quote(str(ROOT / "runtime"))
    return (
        f"export PYTHONPATH={source} LLAMAPACK_LIBRARIES={shlex.quote(str(libraries))}\n"
        f'exec {python} -m llamapack_runtime "$@"'
    )


def program_archive(script: str) -> bytes:
    data, out = script.encode(), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(PROGRAM)
        member.size, member.mode = len(data), 0o755
        tar.addfile(member, io.BytesIO(data))
    return zstandard.compress(out.getvalue())
