"""Tries a finished pack of the demo model on the computer that it is for, with nothing but Python's
standard library, as a recipient would: start it, look at the page, chat, start it once more, quit.

    python try_pack.py PACK [WORD ...]

PACK is the program, a macOS application folder, or a tar file that holds one of them. The WORDs are
put before the program, such as `wine`. The exit status is 0 when all went as it should; else a
sentence says what did not, with what the pack printed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import plistlib
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0  # a virus scanner reads all of a new program first
END_S = 20.0
PAUSE_S = 0.05
# An answer whose words are no near tie for the demo model: each processor rounds in its own way.
QUESTION, ANSWER = "Complete the sentence: The capital of France is", "Paris"
LONG_QUESTION = "Write a long story about a fisherman."
MAX_TOKENS = 64
LEAST_PIECES = 2  # what came as a whole was not streamed; a busy computer joins pieces


class PackError(Exception):
    """What did not go as it should, in a sentence."""


@dataclass(frozen=True, slots=True)
class Computer:
    """How the pack is started here: `command` is its program and the words before it."""

    command: tuple[str, ...]
    environment: Mapping[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                [*self.command, *arguments],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise PackError(f"It cannot be started here: {error}.") from error

    def output_of(self, *arguments: str) -> str:
        """What a call prints that ends by itself, with the exit status 0."""
        process, words = self.start(*arguments), " ".join(arguments)
        try:
            printed, _ = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise PackError(f"With {words} it did not end within {PATIENCE_S:.0f} s.") from None
        if process.returncode != 0:
            raise PackError(
                f"With {words} it ended with {process.returncode}. It printed:\n{printed}"
            )
        return printed


@dataclass(slots=True)
class RunningPack:
    process: subprocess.Popen[str]
    port: int
    begun_s: float
    printed: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.begun_s

    def ask(self, path: str, body: object = None) -> tuple[int, str]:
        with _reply(self.port, path, body) as reply:
            return reply.status, reply.read().decode("utf-8", "replace")

    def wait_for(self, path: str) -> str:
        """What the path answers as soon as it answers with 200."""
        while self.age_s < PATIENCE_S:
            if self.process.poll() is not None:
                raise PackError(f"It ended with {self.process.returncode} before {path} answered.")
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, text = self.ask(path)
                if status == 200:
                    return text
            time.sleep(PAUSE_S)  # nothing signals that a port is open
        raise PackError(f"{path} did not answer within {PATIENCE_S:.0f} s.")

    def quit(self) -> None:
        """As the page's Quit does it."""
        status, text = self.ask("/llamapack/quit", {})
        if status != 202:
            raise PackError(f"Quit was answered with {status}: {text}")
        try:
            code = self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            raise PackError(f"It still runs {END_S:.0f} s after Quit.") from None
        if code != 0:
            raise PackError(f"After Quit it ended with {code}, not with 0.")
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.ask("/health")
            raise PackError("Something still answers after it ended.")


@contextlib.contextmanager
def _reply(port: int, path: str, body: object = None) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        data = None if body is None else json.dumps(body)
        headers = {} if data is None else {"Content-Type": "application/json"}
        connection.request("GET" if data is None else "POST", path, data, headers)
        yield connection.getresponse()


@contextlib.contextmanager
def running(computer: Computer) -> Iterator[RunningPack]:
    """Started without a browser; what it printed is told when something fails."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    begun_s = time.monotonic()
    pack = RunningPack(computer.start("--no-browser", "--port", str(port)), port, begun_s)
    output = pack.process.stdout
    assert output is not None, "it was started with a pipe"
    reader = threading.Thread(target=lambda: pack.printed.extend(output), daemon=True)
    reader.start()
    try:
        yield pack
    except (PackError, OSError, ValueError, http.client.HTTPException) as error:
        pack.process.kill()
        reader.join(END_S)
        raise PackError(f"{error} It printed:\n{''.join(pack.printed)}") from error
    finally:
        pack.process.kill()
        pack.process.wait()


def see_it_start(pack: RunningPack) -> str:
    """Seconds to the page and to the model. PackError when the page is none."""
    page = pack.wait_for("/")
    page_s = pack.age_s
    if "<html" not in page:
        raise PackError(f"The page is no page: {page[:200]}")
    pack.wait_for("/health")
    return f"page after {page_s:.2f} s, model after {pack.age_s:.2f} s"


def chat(pack: RunningPack) -> str:
    """The answer to the question; a longer one has to come in pieces."""
    answer = "".join(_streamed(pack, QUESTION))
    if ANSWER not in answer:
        raise PackError(f"Asked '{QUESTION}', it said: {answer}")
    pieces = _streamed(pack, LONG_QUESTION)
    if len(pieces) < LEAST_PIECES:
        raise PackError(f"Asked '{LONG_QUESTION}', it said in {len(pieces)} pieces: {pieces}")
    return answer


def _streamed(pack: RunningPack, question: str) -> list[str]:
    wish = {"messages": [{"role": "user", "content": question}], "stream": True}
    wish |= {"temperature": 0, "max_tokens": MAX_TOKENS}
    with _reply(pack.port, "/v1/chat/completions", wish) as reply:
        if reply.status != 200:
            raise PackError(f"The chat was answered with {reply.status}: {reply.read()!r}")
        lines = [line.decode("utf-8").strip() for line in reply]
    events = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    if events[-1:] != ["[DONE]"]:
        raise PackError(f"The stream has no end: {lines[-3:]}")
    return [piece for event in events[:-1] if (piece := _text_of(json.loads(event)))]


def _text_of(event: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])


def unpacked(path: Path, folder: Path) -> Path:
    """The one thing in a tar file, with its rights to be executed; else the path itself."""
    if path.suffix != ".tar":
        return path.resolve()
    folder.mkdir()
    with tarfile.open(path) as tar:
        # Debian 12's own Python has no filters yet.
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        tar.extractall(folder)  # noqa: S202 - our own
    (inside,) = folder.iterdir()
    return inside


def program_in(pack: Path) -> Path:
    """What a double-click on the pack starts."""
    if not pack.is_dir():
        return pack
    facts = plistlib.loads((pack / "Contents" / "Info.plist").read_bytes())
    return pack / "Contents" / "MacOS" / str(facts["CFBundleExecutable"])


def recipient(home: Path) -> dict[str, str]:
    """The environment of somebody who never started a pack: a home folder with nothing in it."""
    home.mkdir()
    own = {name: text for name, text in os.environ.items() if not name.startswith("LLAMAPACK_")}
    for name in ("HOME", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        own[name] = str(home)
    return own


def try_pack(computer: Computer) -> None:
    with running(computer) as pack:
        print(f"First start: {see_it_start(pack)}", flush=True)
        begun_s = time.monotonic()
        answer = chat(pack)
        print(f"A chat in {time.monotonic() - begun_s:.2f} s: {answer}", flush=True)
        if pack.url not in (said := computer.output_of("--no-browser")):
            raise PackError(f"Started while it runs, it does not name {pack.url}: {said}")
        pack.quit()
    with running(computer) as pack:
        print(f"Second start: {see_it_start(pack)}", flush=True)
        pack.quit()
    print(computer.output_of("--info"), end="")


def main(pack: str, *before: str) -> int:
    # On Windows, what has just ended may hold its files for another moment.
    with tempfile.TemporaryDirectory("-try", "llamapack-", ignore_cleanup_errors=True) as folder:
        try:
            program = program_in(unpacked(Path(pack), Path(folder, "pack")))
            try_pack(Computer((*before, str(program)), recipient(Path(folder, "home"))))
        except PackError as failure:
            print(f"{pack}: {failure}", file=sys.stderr)
            return 1
    print(f"{pack} does what it should")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
