"""What the guard lets in. Pure: knows nothing of requests."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Access:
    """`host` is the address that is listened on; without a key only a loopback one is allowed.
    `ticket` opens the page once, for the browser that we start: its command line, which others
    on this computer can see, must not hold the key."""

    host: str = "127.0.0.1"
    api_key: str | None = field(default=None, repr=False)
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def __post_init__(self) -> None:
        assert self.api_key or is_loopback(self.host), "an address others reach needs a key"

    @property
    def ticket_query(self) -> str:
        return "" if self.api_key is None else f"?key={self.ticket}"

    @property
    def cookie_value(self) -> str:
        """What the page's cookie holds: not the key, which other ports of this host would see."""
        assert self.api_key, "there is no cookie without a key"
        return hmac.new(self.api_key.encode(), b"llamapack page", hashlib.sha256).hexdigest()

    def allows_host(self, name: str) -> bool:
        """On a wildcard address any name will do: there the key protects every route."""
        return name in LOOPBACK_NAMES or name == self.host.lower() or is_wildcard(self.host)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
