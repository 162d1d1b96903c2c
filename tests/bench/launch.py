"""How long a pack takes from its start to the page and to the ready model.

    python tests/bench/launch.py [--peer COMMAND] [--runs N]

Starts the pack that LLAMAPACK_TEST_PACK names: N first starts, each with an empty cache, and N
second starts with a warm one. `--peer` is another server's command line with {port} in it, such
as "llama-server -m model.gguf --port {port}"; its starts alternate with ours. Prints medians in
seconds, and their ratio to the peer's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from running_pack import STOP_TIMEOUT_S, clean_environment, free_port

TIMEOUT_S = 60.0
PAUSE_S = 0.005


def status(port: int, path: str) -> int:
    """The HTTP status of one request over a plain socket: no client library's own time."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as link:
        host = f"Host: 127.0.0.1:{port}"
        link.sendall(f"GET {path} HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n".encode())
        answer = link.makefile("rb").readline().split()
        return int(answer[1]) if len(answer) > 1 else 0
    return 0


def times(
    command: Sequence[str], port: int, environment: dict[str, str], page: str = "/"
) -> tuple[float, float]:
    """Seconds from the start of `command` to `page` and to "/health" answering 200."""
    started = time.monotonic()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            shown = _wait(port, page, started)
            return shown, _wait(port, "/health", started)
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)


def _wait(port: int, path: str, started: float) -> float:
    while status(port, path) != 200:
        if time.monotonic() - started > TIMEOUT_S:
            raise SystemExit(f"no answer for {path} on port {port} in {TIMEOUT_S:.0f} s")
        time.sleep(PAUSE_S)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description="times from start to page and to ready")
    parser.add_argument("--peer", help="another server's command line, with {port} in it")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    pack = os.environ["LLAMAPACK_TEST_PACK"]
    rows: dict[str, list[tuple[float, float]]] = {"first": [], "second": [], "peer": []}
    with tempfile.TemporaryDirectory() as scratch:
        for run in range(options.runs):
            environment = clean_environment(Path(scratch, str(run)))
            for kind in ("first", "second"):
                port = free_port()
                command = [pack, "--no-browser", "--port", str(port)]
                rows[kind].append(times(command, port, environment))
            if options.peer:
                port = free_port()
                words = shlex.split(options.peer.replace("{port}", str(port)))
                # A server without a page is asked for its health alone.
                rows["peer"].append(times(words, port, dict(os.environ), "/health"))
    for kind, measured in rows.items():
        if measured:
            page, ready = (statistics.median(column) for column in zip(*measured, strict=True))
            print(f"{kind:7} page {page:.3f} s  ready {ready:.3f} s  ({len(measured)} starts)")


if __name__ == "__main__":
    main()
