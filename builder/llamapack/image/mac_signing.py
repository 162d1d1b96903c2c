"""Signs what a runtime image for macOS holds, on a Mac, before it is packed. Not tried yet.

An app's launcher unpacks the image into the user's cache at the first start, and the programs there
run outside of the app: the app's signature and Apple's notarization do not cover them.

- They need signatures of their own. Macs with an Apple chip start, and load, no code without one,
  if only one that names nobody ("ad hoc"), which is what is made by default. What was changed
  since, by `strip` for example, counts as unsigned, so signing comes last.
- They are not quarantined: macOS marks what a browser or a mail program saves, and what is unpacked
  from that by its own tools. Our launcher is no such program, so its files have no mark, and nobody
  is asked about them: once the app was allowed, all of it runs.
- With LLAMAPACK_CODESIGN_IDENTITY, the name of a certificate "Developer ID Application: …", they
  get signatures of that, with the hardened runtime. Then every library must be signed by the same
  team as the program that loads it, which they are: no entitlement lifts that.
"""

from __future__ import annotations

import os
import plistlib
from collections.abc import Sequence
from pathlib import Path

from llamapack.image.freeze import PROGRAM
from llamapack.image.macho import macho_files
from llamapack.image.steps import run

IDENTITY_VARIABLE = "LLAMAPACK_CODESIGN_IDENTITY"
AD_HOC = "-"
# llama.cpp calls back into Python, through small pieces of code that libffi writes into memory. The
# hardened runtime forbids that on Macs with an Intel processor; nothing else here needs it.
ENTITLEMENTS = {"com.apple.security.cs.allow-unsigned-executable-memory": True}
_MOST_AT_ONCE = 50


def identity() -> str:
    """What signs: a certificate of this Mac's, or nobody."""
    return os.environ.get(IDENTITY_VARIABLE) or AD_HOC


def sign_tree(tree: Path, work: Path) -> None:
    """All programs and libraries of the frozen runtime, the one that loads them last. StepError."""
    entitlements = work / "entitlements.plist"
    entitlements.write_bytes(plistlib.dumps(ENTITLEMENTS))
    libraries = [path for path in macho_files(tree) if path != tree / PROGRAM]
    for command in (*sign_commands(libraries, identity()), program_command(tree, entitlements)):
        run("Signing the runtime", command)
    entitlements.unlink()


def sign_commands(paths: Sequence[Path], who: str) -> list[list[str | Path]]:
    """Of files that load nothing which is signed later."""
    return [
        [*_codesign(who), *paths[at : at + _MOST_AT_ONCE]]
        for at in range(0, len(paths), _MOST_AT_ONCE)
    ]


def program_command(tree: Path, entitlements: Path) -> list[str | Path]:
    who = identity()
    rights = () if who == AD_HOC else ("--entitlements", entitlements)
    return [*_codesign(who), *rights, tree / PROGRAM]


def _codesign(who: str) -> list[str | Path]:
    kind = ("--timestamp=none",) if who == AD_HOC else ("--timestamp", "--options", "runtime")
    return ["/usr/bin/codesign", "--force", "--sign", who, *kind]
