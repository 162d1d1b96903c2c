"""What the checks of all clients share: where the pack is, and a watch over who is contacted."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator

import pytest

# What a client contacted besides this computer.
_strangers: list[str] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Python calls this before each system call of a socket."""
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not _is_here(str(address[0])):
            _strangers.append(f"connects to {address}")
    elif event == "socket.getaddrinfo" and not _is_here(str(arguments[0])):
        _strangers.append(f"asks for the address of {arguments[0]}")


def _is_here(host: str) -> bool:
    if host in ("localhost", "None"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def stays_here() -> Iterator[None]:
    yield
    found, _strangers[:] = _strangers[:], []
    assert not found, f"The client {found[0]}"


@pytest.fixture(scope="session")
def url() -> str:
    """Without a final slash and without /v1."""
    return os.environ["LLAMAPACK_CHECK_URL"]


@pytest.fixture(scope="session")
def key() -> str:
    return os.environ["LLAMAPACK_CHECK_KEY"]
