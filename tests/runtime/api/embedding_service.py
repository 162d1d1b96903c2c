"""A service whose model makes embeddings, and clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fake_embedder import fake_embedder
from llamapack_runtime.api.service import ReadyToEmbed, Service
from llamapack_runtime.engine.embed_texts import TextEmbedder
from runtime.api.clients import make_client

MakeClient = Callable[..., TestClient]


@pytest.fixture
def embeds(service: Service, web_root: Path) -> Iterator[MakeClient]:
    """Clients of a fake embedder with the given options, which is closed at the end."""
    made: list[TextEmbedder] = []

    def make(*arguments: object, **options: object) -> TestClient:
        made.append(fake_embedder(*arguments, **options))  # type: ignore[arg-type]  # passed on
        service.state = ReadyToEmbed(made[-1], "Fake CPU (plain), 2 threads", ("A note.",))
        return make_client(service, web_root)

    yield make
    for embedder in made:
        embedder.close()
