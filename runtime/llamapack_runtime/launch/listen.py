"""Takes the address to serve on, before anything slow is done."""

from __future__ import annotations

import errno
import socket
import sys
from typing import Any

from llamapack_runtime.errors import AddressUnusable
from llamapack_runtime.launch.port_owner import port_owner

DEFAULT_PORT = 8080
PORTS_TO_TRY = 100
BACKLOG = 128


def listen(host: str, port: int | None, *, takes_another: bool = False) -> socket.socket:
    """A listening socket. Without a port, and where another one will do: 8080 or the next one that
    is free. AddressUnusable when a port that was asked for cannot be had, or the host is not this
    computer's."""
    family, address = _resolve(host)
    if port is not None and not takes_another:
        return _bind(family, address, port, host)
    usual = range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY)
    for candidate in usual if port is None else (port, *usual):
        try:
            return _bind(family, address, candidate, host)
        except _PortUnusableError:
            continue
    return _bind(family, address, 0, host)


def url_of(listener: socket.socket) -> str:
    """The address for this computer's own browser, with a final slash."""
    address, port = listener.getsockname()[:2]
    if address in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened on
        address = "127.0.0.1" if address == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


class _PortUnusableError(AddressUnusable):
    """Others of this host may do."""


def _resolve(host: str) -> tuple[int, str]:
    """Family and numeric address. A name is looked up by the system."""
    try:
        found: list[Any] = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise AddressUnusable(f"There is no address named '{host}': {error.strerror}.") from None
    # IPv4 first: where a name has both, more programs reach that one.
    family, _, _, _, address = min(found, key=lambda item: int(item[0] != socket.AF_INET))
    return family, str(address[0])


def _bind(family: int, address: str, port: int, host: str) -> socket.socket:
    # The protocol is named because asyncio sends without delay only where it is: else each answer
    # on a connection that stays open waits 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            # There, SO_REUSEADDR would let two programs share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _refusal(error, port, host) from None
    return listener


def _refusal(error: OSError, port: int, host: str) -> AddressUnusable:
    if error.errno == errno.EADDRINUSE or getattr(error, "winerror", 0) in (10013, 10048):
        owner = port_owner(port) or "another program"
        return _PortUnusableError(
            f"Port {port} is taken by {owner}; give another --port, or none to take a free one."
        )
    if error.errno == errno.EACCES:
        return _PortUnusableError(
            f"Port {port} needs administrator rights; give a --port over 1023."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return AddressUnusable(f"'{host}' is not an address of this computer.")
    return AddressUnusable(f"{host} port {port} cannot be listened on: {error.strerror}.")
