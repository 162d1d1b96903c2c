"""The address: free, taken, wrong."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from llamapack_runtime.errors import AddressUnusable
from llamapack_runtime.launch.listen import DEFAULT_PORT, listen, url_of


def test_without_a_port_two_processes_get_two() -> None:
    with listen("127.0.0.1", None) as first, listen("127.0.0.1", None) as second:
        ports = [one.getsockname()[1] for one in (first, second)]
        assert DEFAULT_PORT <= ports[0] < ports[1]


def test_a_taken_port_is_refused_with_its_owner() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(AddressUnusable) as caught:
            listen("127.0.0.1", port)
    assert caught.value.exit_code == 4
    assert f"Port {port} is taken" in str(caught.value)
    if sys.platform == "linux":
        assert f"process {os.getpid()}" in str(caught.value)


def test_another_port_may_do() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port, takes_another=True) as second:
            assert second.getsockname()[1] not in (port, 0)
    with listen("127.0.0.1", port, takes_another=True) as again:
        assert again.getsockname()[1] == port


def test_a_port_taken_on_every_address_is_refused(free_port: int) -> None:
    with socket.create_server(("", free_port)), pytest.raises(AddressUnusable):
        listen("127.0.0.1", free_port)


def test_a_port_is_free_again_at_once(free_port: int) -> None:
    with listen("127.0.0.1", free_port) as first:
        client = socket.create_connection(("127.0.0.1", free_port))
        first.accept()[0].close()
        client.close()
    listen("127.0.0.1", free_port).close()


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.1", "'192.0.2.1' is not an address of this computer."),
        ("no such name", "There is no address named 'no such name'"),
    ],
)
def test_a_wrong_host_is_a_sentence(host: str, words: str) -> None:
    with pytest.raises(AddressUnusable) as caught:
        listen(host, 0)
    assert words in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])  # noqa: S104 - closed again
def test_the_address_can_be_opened_on_this_computer(host: str) -> None:
    with listen(host, 0) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}/"
