"""An app that is built from an image that stands in for one of a Mac."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.mac.apps import LAUNCHER, TARGET, Build
from builder.runtime_image import image_of
from command_line import Run
from llamapack.image import store


@pytest.fixture
def mac_image(workplace: Path, tmp_path: Path) -> None:  # noqa: ARG001 - the cache of a test
    store.add_image(image_of(tmp_path / "mac", TARGET, b"for a Mac", LAUNCHER))


@pytest.fixture
def build(mac_image: None, model: Path, run: Run) -> Build:  # noqa: ARG001
    def build_app(*more: str | Path) -> dict[str, object]:
        ran = run("build", model, "-o", "chat", "--target", TARGET, "--json", *more)
        assert ran.code == 0, ran.err
        facts: dict[str, object] = json.loads(ran.out)
        return facts

    return build_app


@pytest.fixture
def signed(build: Build, run: Run) -> Path:
    """An app with the signature of its maker, whose key is my.key."""
    build()
    assert run("sign", "--new-key", "my.key").code == 0
    assert run("sign", "chat.app", "--key", "my.key").code == 0
    return Path("chat.app")
