"""A test client for an application over a given service."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.app import build_app
from llamapack_runtime.api.service import Service

KEY = "a-long-secret"


def make_client(
    service: Service, web_root: Path, access: Access | None = None, *, keep_alive_s: float = 5.0
) -> TestClient:
    """Speaks as a program on this computer would, and follows no redirect."""
    app = build_app(service, access or Access(), web_root, keep_alive_s=keep_alive_s)
    return TestClient(
        app,
        base_url="http://localhost:8080",
        follow_redirects=False,
        raise_server_exceptions=False,
    )
