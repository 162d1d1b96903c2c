"""A program that keeps its chats in a folder, and a person at its page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.files.types import Extracted
from runtime.api.chats.person import Person, Sit
from runtime.api.served import StartServer


def plain(path: Path, _name: str) -> Extracted:
    """Any file is a text."""
    return Extracted("text", None, path.read_text(encoding="utf-8"))


@pytest.fixture
def sit(start: StartServer, service: Service, tmp_path: Path) -> Iterator[Sit]:
    """Start the program over a session and sit down before it."""
    people: list[Person] = []

    def sit_down(session: Session) -> Person:
        service.data_folder = tmp_path / "data"
        service.extract = plain
        people.append(Person(start(session)))
        return people[-1]

    yield sit_down
    for person in people:
        person.close()


@pytest.fixture
def person(sit: Sit, make_session: Callable[..., Session]) -> Person:
    """Before a model that answers "Hello!"."""
    return sit(make_session("Hello!"))
