"""Test clients for an application over a given service."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.app import build_app
from llamapack_runtime.api.preparing import Preparing
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session

KEY = "a-long-secret"


def make_client(
    service: Service,
    web_root: Path,
    access: Access | None = None,
    *,
    keep_alive_s: float = 5.0,
    preparing: Preparing | None = None,
) -> TestClient:
    """Speaks as a program on this computer would, and follows no redirect."""
    app = build_app(
        service, access or Access(), web_root, keep_alive_s=keep_alive_s, preparing=preparing
    )
    return TestClient(
        app,
        base_url="http://localhost:8080",
        follow_redirects=False,
        raise_server_exceptions=False,
    )


def client_of(service: Service, web_root: Path, session: Session) -> TestClient:
    """Of a service that is ready with this session."""
    service.state = Ready(session, "")
    return make_client(service, web_root)
