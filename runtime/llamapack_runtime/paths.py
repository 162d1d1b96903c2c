"""Where things are: the pack, the folders of this user, the native libraries, the page."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llamapack_runtime.errors import ProgramError

_FOLDER_NAME = "llamapack"
_MODULE_ROOT = Path(__file__).resolve().parent
# Windows takes at most 260 characters of a path, 248 of a folder's, unless the path is in another
# form. Files in a cache have names of their own, which count.
_LIMIT_CHARS = 180


@dataclass(frozen=True, slots=True)
class Paths:
    """`pack` is None when the runtime runs without one; `executable` is what the user started.
    `cache` may be emptied at any time, `data` is kept. The libraries are llama.cpp's.
    `worker_command` starts this program as the probe's worker."""

    pack: Path | None
    executable: Path
    cache: Path
    data: Path
    libraries: Path
    web: Path
    worker_command: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name for messages and --help."""
        return self.executable.name


def find_paths(environment: Mapping[str, str]) -> Paths:
    """ProgramError when a part is nowhere to be found. Makes no folder."""
    home = _home(environment)
    pack = environment.get("LLAMAPACK_PACK")
    executable = Path(environment.get("LLAMAPACK_EXECUTABLE") or sys.argv[0] or sys.executable)
    return Paths(
        pack=_path(pack) if pack else None,
        executable=executable,
        cache=_cache(environment, home),
        data=_data(environment, home),
        libraries=_frozen("llama_cpp", "lib") or _development_libraries(environment),
        web=_frozen("web") or _MODULE_ROOT.parent.parent / "templates" / "web",
        worker_command=(*own_command(), "--probe-worker"),
    )


def make_private(folder: Path) -> Path:
    """Make a folder that only this user can enter. OSError when that cannot be done."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32" and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def _path(text: str) -> Path:
    return Path(without_limit(text) if sys.platform == "win32" else text)


def without_limit(text: str) -> str:
    """A path of Windows; if it is long and absolute, in the form that may have any length."""
    named = text.replace("/", "\\")
    if len(named) < _LIMIT_CHARS or named.startswith("\\\\?\\"):
        return text
    if named.startswith("\\\\"):
        return f"\\\\?\\UNC{named[1:]}"
    return f"\\\\?\\{named}" if named[1:3] == ":\\" else text


def _home(environment: Mapping[str, str]) -> Path:
    """The user's home, else the folder for temporary files: a service may have no home."""
    named = environment.get("USERPROFILE" if sys.platform == "win32" else "HOME")
    if named:
        return Path(named)
    try:
        return Path.home()
    except RuntimeError:
        import tempfile  # slow to import, and hardly ever needed

        return Path(tempfile.gettempdir()) / f"{_FOLDER_NAME}-{_user()}"


if sys.platform == "win32":

    def _user() -> str:
        return os.getlogin()

else:

    def _user() -> str:
        return str(os.getuid())


def _cache(environment: Mapping[str, str], home: Path) -> Path:
    chosen = environment.get("LLAMAPACK_CACHE_DIR") or environment.get("LLAMAPACK_CACHE")
    if chosen:
        return _path(chosen)
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData/Local") / _FOLDER_NAME
    if sys.platform == "darwin":
        return home / "Library/Caches" / _FOLDER_NAME
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / _FOLDER_NAME


def _data(environment: Mapping[str, str], home: Path) -> Path:
    if sys.platform == "win32":
        local = Path(environment.get("LOCALAPPDATA") or home / "AppData/Local")
        return local / _FOLDER_NAME / "data"
    if sys.platform == "darwin":
        return home / "Library/Application Support" / _FOLDER_NAME
    return Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / _FOLDER_NAME


def _frozen(*parts: str) -> Path | None:
    """A part of the frozen program, None when this is not one."""
    root: str | None = getattr(sys, "_MEIPASS", None)
    return None if root is None else Path(root, *parts)


def _development_libraries(environment: Mapping[str, str]) -> Path:
    """Beside llama-cpp-python, unless LLAMAPACK_LIBRARIES names another folder."""
    named = environment.get("LLAMAPACK_LIBRARIES") or environment.get("LLAMA_CPP_LIB_PATH")
    if named:
        return Path(named)
    import importlib.util  # not in the frozen program's way

    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        raise ProgramError(
            "llama.cpp's libraries are missing: install llama-cpp-python, or set "
            "LLAMAPACK_LIBRARIES to the folder that holds them."
        )
    return Path(spec.origin).parent / "lib"


def own_command() -> tuple[str, ...]:
    """What starts this program once more, as a child with work of its own."""
    if getattr(sys, "frozen", False):
        return (sys.executable,)
    return (sys.executable, "-m", "llamapack_runtime")
