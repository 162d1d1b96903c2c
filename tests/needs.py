"""Marks of tests that need what `make test` brings: each is skipped where that is not there."""

from __future__ import annotations

import os

import pytest


def _needs(*names: str, command: str = "make test") -> pytest.MarkDecorator:
    """Variables of the environment."""
    return pytest.mark.skipif(
        not all(map(os.environ.get, names)), reason=f"`{command}` sets {' and '.join(names)}"
    )


LIBRARIES = _needs("LLAMAPACK_TEST_LIBRARIES")
LIBRARIES_AND_MODEL = _needs("LLAMAPACK_TEST_LIBRARIES", "LLAMAPACK_TEST_MODEL")
WINDOWS_PACK = _needs(
    "LLAMAPACK_TEST_WINDOWS_PACK", "LLAMAPACK_TEST_MODEL", command="make test-windows"
)
