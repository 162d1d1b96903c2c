"""Who sent a request, as the guard found out: whose stored things they are shown, and what they
may do to the program."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from starlette.requests import Request as HttpRequest
from starlette.types import Scope

from llamapack_runtime.api.ready import service_of
from llamapack_runtime.keys import ApiKey

_CALLER = "llamapack.caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """`key`: None where the program has no keys. `may_stop` it: who has the first key, which this
    user's other processes know, too; without keys, all but the pages of other origins."""

    key: ApiKey | None
    may_stop: bool


def remember_caller(scope: Scope, caller: Caller) -> None:
    scope[_CALLER] = caller


def caller_of(http: HttpRequest) -> Caller:
    caller = http.scope[_CALLER]
    assert isinstance(caller, Caller), "the guard lets nobody in without saying who it is"
    return caller


def owner_of(http: HttpRequest) -> str:
    """The name under which this caller's things are stored: nobody with another key has it, and no
    other pack. The key's secret and not its name, which is a number for some and may change."""
    key = caller_of(http).key
    parts = (service_of(http).about.pack_id, "" if key is None else key.secret)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
