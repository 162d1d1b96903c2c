"""What a client's checks are told of the pack, and the environment that they run in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from running_pack import RunningPack

KEY = "a-key-for-the-clients"
TIMEOUT_S = 170.0
_NOWHERE = "http://127.0.0.1:9"  # a proxy that nobody can reach


@dataclass(frozen=True, slots=True)
class Served:
    """A pack that is ready and asks for KEY."""

    pack: RunningPack

    def environment(self, home: Path) -> dict[str, str]:
        """Nothing of the developer's, no way out of this computer, nothing that reports home."""
        home.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(home),
            "LLAMAPACK_CHECK_URL": self.pack.url,
            "LLAMAPACK_CHECK_KEY": KEY,
            "HTTP_PROXY": _NOWHERE,
            "HTTPS_PROXY": _NOWHERE,
            "NO_PROXY": "127.0.0.1,localhost",
            "DO_NOT_TRACK": "1",
            "LANGSMITH_TRACING": "false",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LLM_USER_PATH": str(home / "llm"),
        }

    def check(self, command: Sequence[str | Path], home: Path, folder: Path) -> None:
        """Run `command` to its end; AssertionError with what it printed unless it exits with 0,
        or when the pack failed on a request."""
        seen = len(self.pack.printed)
        done = subprocess.run(
            [str(word) for word in command],
            env=self.environment(home),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
        logged = self.pack.printed[seen:]
        assert done.returncode == 0, f"{done.stdout}\nThe pack printed:\n{logged}"
        assert "Traceback" not in logged, logged
