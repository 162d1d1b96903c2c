"""A server that answers as Hugging Face's does for the models of one owner, and can break down.

Source of the protocol: `GET /api/models/ID`, and `HEAD` and `GET /ID/resolve/REVISION/FILE` with
the headers that huggingface_hub reads (file_download.py, get_hf_file_metadata)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_a-secret-token"


@dataclass(slots=True)
class Hub:
    """`files` by repository and path. `cuts`: after how many bytes each of the next answers with
    a file is cut off; if it `goes_down` with that, every file is then answered with 500. What was
    asked is in `ranges`, one for each GET of a file, and `tokens`."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cuts: list[int] = field(default_factory=list)
    goes_down: bool = False
    is_down: bool = False
    ranges: list[str | None] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def fake_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *_: object) -> None:
        """Tests say enough themselves."""

    def _answer(self, *, with_body: bool) -> None:
        hub = self.served
        hub.tokens.append(self.headers.get("Authorization"))
        listing = re.fullmatch(r"/api/models/([^/]+/[^/?]+)(?:/revision/[^/?]+)?(\?.*)?", self.path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/([^?]+)", unquote(self.path))
        match = listing or file
        repository = match[1] if match else ""
        if repository in hub.gated and f"Bearer {TOKEN}" != self.headers.get("Authorization"):
            self._refuse(403, "GatedRepo")
        elif repository not in hub.files:
            self._refuse(404, "RepoNotFound")
        elif listing:
            self._send_listing(repository)
        elif file is None or file[2] not in hub.files[repository]:
            self._refuse(404, "EntryNotFound")
        elif hub.is_down and with_body:
            self._refuse(500, "")
        else:
            self._send_file(hub.files[repository][file[2]], with_body=with_body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_listing(self, repository: str) -> None:
        files = self.served.files[repository]
        siblings = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
        body = json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_file(self, data: bytes, *, with_body: bool) -> None:
        asked = self.headers.get("Range")
        begin = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        if with_body:
            self.served.ranges.append(asked)
        self.send_response(206 if asked else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data) - begin))
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if with_body:
            cut = self.served.cuts.pop(0) if self.served.cuts else None
            self.wfile.write(data[begin:] if cut is None else data[begin : begin + cut])
            self.served.is_down = self.served.goes_down and cut is not None
            self.close_connection = True
