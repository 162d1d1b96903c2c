"""The packer's own Python as the one that is frozen: no older system than this one runs it."""

from __future__ import annotations

import platform
import sys
import sysconfig
import venv
from pathlib import Path

from llamapack.image.interpreter import Interpreter


def host_interpreter(work: Path) -> Interpreter:
    """In a virtual environment made in `work`, so that it sees nothing of the packer's packages."""
    venv.create(work, with_pip=False, symlinks=sys.platform != "win32")
    program = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return Interpreter(
        command=(str(work / program),),
        version=platform.python_version(),
        variables={},
        licenses=_licenses(),
    )


def _licenses() -> dict[str, Path]:
    standard_library = Path(sysconfig.get_path("stdlib"))
    places = (
        standard_library / "LICENSE.txt",
        Path(f"/usr/share/doc/{standard_library.name}/copyright"),
    )
    found = next((place for place in places if place.is_file()), None)
    return {} if found is None else {"python.txt": found}
