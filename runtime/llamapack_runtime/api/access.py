"""What the guard lets in. Pure: knows nothing of requests."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field

from llamapack_runtime.keys import ApiKey

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Access:
    """`host` is the address that is listened on; without keys only a loopback one is allowed.
    `ticket` opens the page once, for the browser that we start: its command line, which others
    on this computer can see, must not hold a key. Web pages of `origins` may use the API."""

    host: str = "127.0.0.1"
    keys: tuple[ApiKey, ...] = ()
    origins: frozenset[str] = frozenset()
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def __post_init__(self) -> None:
        assert self.keys or is_loopback(self.host), "an address others reach needs a key"

    @property
    def ticket_query(self) -> str:
        return f"?key={self.ticket}" if self.keys else ""

    def key_of(self, secret: str) -> ApiKey | None:
        """The key with this secret. Takes as long whichever it is, and when it is none."""
        found = [key for key in self.keys if is_equal(secret, key.secret)]
        return found[0] if found else None

    def key_of_cookie(self, value: str) -> ApiKey | None:
        found = [key for key in self.keys if is_equal(value, cookie_value(key))]
        return found[0] if found else None

    def allows_host(self, name: str) -> bool:
        """On a wildcard address any name will do: there the key protects every route."""
        return name in LOOPBACK_NAMES or name == self.host.lower() or is_wildcard(self.host)

    def allows_origin(self, origin: str) -> bool:
        """Of another site."""
        return origin.lower() in {allowed.lower() for allowed in self.origins}


def cookie_value(key: ApiKey) -> str:
    """What the page's cookie holds: not the key, which other ports of this host would see."""
    return hmac.new(key.secret.encode(), b"llamapack page", hashlib.sha256).hexdigest()


def is_equal(left: str, right: str) -> bool:
    """In constant time. Both may come from outside."""
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


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
