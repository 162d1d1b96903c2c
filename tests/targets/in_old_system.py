"""Starts a pack in a root folder of its own and without a network, asks it, and prints the answers.

Run by old_system.py as `unshare --net --mount python in_old_system.py ROOT SECONDS`: what it mounts
and the loopback that it switches on end with it. The pack is ROOT/pack.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PORT = 8080
# Its answer does not hang on a rounding, which differs between processors.
QUESTION = "Complete the sentence: The capital of France is"


def main(root: Path, patience_s: float) -> None:
    if sys.platform != "win32":
        import fcntl

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            up = struct.pack("16sh14x", b"lo", 1)  # SIOCSIFFLAGS, IFF_UP
            fcntl.ioctl(control, 0x8914, up)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    subprocess.run(["mount", "--rbind", "/dev", root / "dev"], check=True)
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/pack", "--no-browser", "--port", str(PORT), "--threads", "2"],
            preexec_fn=lambda: _enter(root),
            env={"HOME": "/home", "LLAMAPACK_CACHE": "/cache", "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            print(json.dumps(_ask(process, time.monotonic() + patience_s)))
        finally:
            process.terminate()
            process.wait(30)


def _enter(root: Path) -> None:
    if sys.platform != "win32":
        os.chroot(root)
    os.chdir("/")


def _ask(process: subprocess.Popen[bytes], deadline_s: float) -> dict[str, Any]:
    started = time.monotonic()
    page = _wait_for("/", process, deadline_s)
    page_s = time.monotonic() - started
    _wait_for("/health", process, deadline_s)
    ready_s = time.monotonic() - started
    messages = [{"role": "user", "content": QUESTION}]
    wish = {"messages": messages, "temperature": 0, "max_tokens": 8}
    status, text = _get("/v1/chat/completions", json.dumps(wish), deadline_s - time.monotonic())
    assert status == 200, text
    answer = json.loads(text)["choices"][0]["message"]["content"]
    return {"page": page, "page_s": page_s, "ready_s": ready_s, "answer": answer}


def _wait_for(path: str, process: subprocess.Popen[bytes], deadline_s: float) -> str:
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, text = _get(path, None, 30)
            if status == 200:
                return text
        time.sleep(0.05)  # nothing signals that a port is open
    raise SystemExit(f"no {path}; the pack's exit status is {process.poll()}")


def _get(path: str, body: str | None, timeout_s: float) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=timeout_s)
    with contextlib.closing(connection):
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request("POST" if body else "GET", path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode("utf-8", "replace")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
