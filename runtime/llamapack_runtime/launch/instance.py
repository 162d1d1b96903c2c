"""Finds the process that already serves the same thing for this user.

A running process leaves a file with its port and a secret token in the user's data folder. Two
starts at the same moment, A and B: A takes the lock, finds no file, listens, writes the file and
gives the lock back; only then B reads, and A's socket answers it as soon as A serves.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llamapack_runtime.api.proof import instance_proof
from llamapack_runtime.paths import make_private

# A process that has just been started answers when it has loaded its modules.
ANSWER_TIMEOUT_S = 5.0
_MAX_ANSWER_BYTES = 4096
_MAX_FILE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Instance:
    """A running process. `url` is its page on this computer; `settings` is a digest of what it
    was started with."""

    url: str
    settings: str
    token: str = field(repr=False)
    api_key: str | None = field(default=None, repr=False)

    def answers(self) -> bool:
        """Whether that very process is still there: it must prove that it knows the token."""
        challenge = secrets.token_hex(16)
        answer = _get(f"{self.url}llamapack/instance?challenge={challenge}", self.api_key)
        proof = answer.get("proof") if isinstance(answer, dict) else None
        return isinstance(proof, str) and secrets.compare_digest(
            proof.encode(), instance_proof(self.token, challenge).encode()
        )


class Registry:
    """The file of one pack or model, for one user. `identity` names what is served."""

    def __init__(self, data_folder: Path, identity: str) -> None:
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        self._folder = data_folder / "instances"
        self._file = self._folder / f"{name}.json"
        self._lock = self._folder / f"{name}.lock"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among all starts of the same thing. OSError when the folder cannot be used."""
        make_private(self._folder)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def find(self) -> Instance | None:
        """The running instance; a file without one is removed. Call it locked."""
        instance = self._read()
        if instance is not None and instance.answers():
            return instance
        self._file.unlink(missing_ok=True)
        return None

    def register(self, instance: Instance) -> None:
        """Call it locked, and listen already."""
        beside = self._file.with_suffix(".new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(instance), file)
        beside.replace(self._file)

    def unregister(self, instance: Instance) -> None:
        """Remove the file if it is still this instance's."""
        with contextlib.suppress(OSError), self.locked():
            if self._read() == instance:
                self._file.unlink()

    def _read(self) -> Instance | None:
        """None when there is no file, or one that we did not write like this."""
        try:
            with self._file.open(encoding="utf-8") as file:
                values = json.loads(file.read(_MAX_FILE_BYTES))
            instance = Instance(**values)
        except (OSError, ValueError, TypeError):
            return None
        texts = (instance.url, instance.settings, instance.token, instance.api_key or "")
        return instance if all(isinstance(text, str) for text in texts) else None


def _get(url: str, api_key: str | None) -> Any:
    """The JSON behind a loopback address, None for anything unexpected."""
    import http.client  # only when there is a file of another instance
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    try:
        connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=ANSWER_TIMEOUT_S
        )
        with contextlib.closing(connection):
            connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
            return json.loads(connection.getresponse().read(_MAX_ANSWER_BYTES))
    except (OSError, ValueError, http.client.HTTPException):
        return None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        """Until the file is closed. Waits up to ten seconds, then OSError."""
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        """Until the file is closed, or its process ends."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)
