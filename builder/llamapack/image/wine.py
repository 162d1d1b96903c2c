"""Wine, which starts Windows programs on Linux, with a folder of its own in the build cache.

Knows nothing of what is started. What the packer's own Wine holds is neither read nor changed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llamapack.image.folders import build_cache, fill_in_place
from llamapack.image.interpreter import clean_variables
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.system import require_program

# Debian's names. The 32-bit half of Wine is for programs that we have none of.
_PACKAGES = ("wine", "wine64")
# The parts of Windows that nothing here uses, and that Wine would ask to download or be slow to
# start: .NET, Internet Explorer, and the management queries behind `platform`.
_OFF = "mscoree,mshtml=;wbemprox=;*wbemprox="
_WINDOWS = "win10"


@dataclass(frozen=True, slots=True)
class Wine:
    """`command` starts a Windows program, with `variables` besides the usual environment. Its
    standard output must be a pipe or a terminal: written to a file, lines get lost. `display` is
    the X server's, where there is one."""

    command: tuple[str, ...]
    prefix: Path
    display: str = ""

    @property
    def variables(self) -> Mapping[str, str]:
        return {
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": _OFF,
            "DISPLAY": self.display,
        }

    def environment(self) -> dict[str, str]:
        return clean_variables() | dict(self.variables)

    def end(self) -> None:
        """Every Windows program of this folder that still runs, and Wine's own servers: they would
        live on for minutes. Returns when they have gone."""
        for option in ("-k", "-w"):
            command = ["/usr/lib/wine/wineserver64", option]
            subprocess.run(command, env=self.environment(), check=False, capture_output=True)


def windows_path(path: Path) -> str:
    """As a Windows program under Wine names a file of this computer: Z: is the root folder."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


def wine(report: Report) -> Wine:
    """Installed when it is missing, its folder made the first time. ImageError."""
    require_program("wine", _PACKAGES, report)
    return prepared(build_cache() / "wine" / "image", report)


def prepared(prefix: Path, report: Report) -> Wine:
    """With the folder `prefix`, made when it is missing."""
    made = Wine(("wine",), prefix)

    def fill(_: Path) -> None:
        report("Preparing Wine, some seconds")
        watch = Stopwatch()
        run("Preparing Wine", [*made.command, "wineboot", "-i"], environment=made.environment())
        version = [*made.command, "winecfg", "-v", _WINDOWS]
        run("Preparing Wine", version, environment=made.environment())
        made.end()
        report(f"Prepared Wine in {watch.seconds:.0f} s")

    fill_in_place(prefix, fill)
    return made
