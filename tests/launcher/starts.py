"""Starts a pack in a known environment and reads back what its runtime was given."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """What packs.SHOW printed."""

    program: str
    arguments: list[str]
    environment: dict[str, str]

    @classmethod
    def parse(cls, output: bytes) -> Shown:
        program, count, *rest = output.decode().split("\0")
        return cls(
            program,
            rest[: int(count)],
            dict(line.split("=", 1) for line in rest[int(count) :] if line),
        )

    @property
    def tree(self) -> Path:
        return Path(self.program).parent

    @property
    def cache(self) -> Path:
        return Path(self.environment["LLAMAPACK_CACHE_DIR"])


@dataclass(frozen=True, slots=True)
class Start:
    """`setup` is a shell script that runs first, in a mount namespace that ends with the pack."""

    home: Path
    setup: str = ""

    def after(self, setup: str) -> Start:
        """The same with tmpfs mounts and the like; skips where this user may not make any."""
        namespace = self._namespace("true")
        probe = subprocess.run(
            [*namespace, "true"], capture_output=True, timeout=TIMEOUT_S, check=False
        )
        if probe.returncode != 0:
            pytest.skip(f"no mount namespace here: {probe.stderr.decode().strip()}")
        return Start(self.home, setup)

    @staticmethod
    def _namespace(setup: str) -> list[str]:
        if sys.platform == "win32":
            pytest.skip("mount namespaces are Linux's")
        kind = "-m" if os.geteuid() == 0 else "-rm"
        return [
            "unshare",
            kind,
            "sh",
            "-ec",
            f'mount -t tmpfs tmpfs /mnt; {setup}\nexec "$@"',
            "sh",
        ]

    def command(self, program: Path | str, arguments: Sequence[str]) -> list[str]:
        prefix = self._namespace(self.setup) if self.setup else []
        return [*prefix, str(program), *arguments]

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.home)} | more

    def run(
        self, program: Path | str, *arguments: str, **more: str
    ) -> subprocess.CompletedProcess[bytes]:
        """`more` is added to the environment; an empty HOME removes it."""
        environment = self.environment(more)
        if not environment["HOME"]:
            del environment["HOME"]
        return subprocess.run(
            self.command(program, arguments),
            env=environment,
            cwd=self.home,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def show(self, program: Path | str, *arguments: str, **more: str) -> Shown:
        """What the runtime was given; nothing may be said besides."""
        result = self.run(program, *arguments, **more)
        assert (result.returncode, result.stderr) == (0, b""), result.stderr.decode()
        return Shown.parse(result.stdout)

    def show_with_note(self, program: Path | str, **more: str) -> tuple[Shown, str]:
        """What the runtime was given, and the one line that the launcher said about it."""
        result = self.run(program, **more)
        note = result.stderr.decode()
        assert result.returncode == 0, note
        assert note.count("\n") == 1, note
        return Shown.parse(result.stdout), note

    def refuse(self, program: Path | str, status: int, **more: str) -> str:
        """The one sentence with which the launcher refuses."""
        result = self.run(program, **more)
        message = result.stderr.decode()
        assert (result.returncode, result.stdout) == (status, b""), message
        assert message.count("\n") == 1, message
        return message
