"""Hugging Face's cache on this computer: the files of a repository that are there, whole.

Layout: `models--OWNER--REPO/refs/main` holds a commit, `snapshots/COMMIT/` its files. Source: the
guide "Understand caching" of huggingface_hub."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.inputs.place import is_folder
from llamapack.text import plain

_NAME = re.compile(
    r"(?P<repo>[\w.-]+/[\w.-]+)(?::(?P<quant>[\w.-]+)|/(?P<file>[^:]+\.gguf))?", re.I
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_FILES = 5000


@dataclass(frozen=True, slots=True)
class HubName:
    """`file` is a path in the repository, `quantization` a word in a file's name; None: unsaid."""

    repository: str
    quantization: str | None
    file: str | None

    @property
    def text(self) -> str:
        ending = f":{self.quantization}" if self.quantization else ""
        return f"hf:{self.repository}{f'/{self.file}' if self.file else ending}"


def parse_hub_name(text: str) -> HubName:
    """From OWNER/REPO[:QUANT] or OWNER/REPO/FILE.gguf. Raises ModelError."""
    match = _NAME.fullmatch(text)
    if match is None or any(part in ("", ".", "..") for part in text.split("/")):
        raise ModelError(
            f"'{plain(text)[:200]}' is no model on Hugging Face, such as owner/model-GGUF, "
            "owner/model-GGUF:Q4_K_M or owner/model-GGUF/model-q4_k_m.gguf."
        )
    return HubName(match["repo"], match["quant"], match["file"])


def cache_folder() -> Path:
    """As huggingface_hub finds it."""
    named = os.environ.get("HF_HUB_CACHE")
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = os.environ.get("HF_HOME") or Path(cache) / "huggingface"
    return Path(home).expanduser() / "hub"


def snapshot(repository: str) -> Path | None:
    """The folder with the files of the main branch as they were when it was last asked for."""
    folder = cache_folder() / f"models--{repository.replace('/', '--')}"
    try:
        with (folder / "refs" / "main").open("rb") as file:
            commit = file.read(100).decode(errors="replace").strip()
    except OSError:
        return None  # nothing of it was ever downloaded
    found = folder / "snapshots" / commit
    return found if _COMMIT.fullmatch(commit) and is_folder(found) else None


def cached_files(folder: Path) -> dict[str, int]:
    """Those of a snapshot with their sizes in bytes; a download that was not finished is none.
    ModelError."""
    found: dict[str, int] = {}
    try:
        for path in islice(folder.rglob("*"), _MOST_FILES):
            if path.is_file():
                found[path.relative_to(folder).as_posix()] = path.stat().st_size
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(folder))}: {error.strerror}.") from error
    return found
