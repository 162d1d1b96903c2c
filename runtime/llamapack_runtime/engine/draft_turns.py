"""Who may have guesses made, where several sequences generate at once. Pure.

A step with guesses takes longer for everybody in it, and only one of them gets more tokens for it.
In turns all get the same, so that nobody is slower for another one's guesses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Place:
    """Numbers that count up: of the latest turn, and of the latest time that it asked."""

    turn: int = 0
    asked: int = 0


class DraftTurns:
    """Each of them asks once in a step. Whoever does not any more is not waited for."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._turn = self._asked = 0

    def ask(self, request_id: str) -> bool:
        """Whether it is its turn."""
        self._asked += 1
        mine = self._places.setdefault(request_id, _Place())
        mine.asked = self._asked
        first = self._asked - 2 * len(self._places)
        present = [place for place in self._places.values() if place.asked >= first]
        return all(place.turn >= mine.turn for place in present)

    def take(self, request_id: str) -> None:
        """Its turn is over, used or not."""
        self._turn += 1
        self._places[request_id].turn = self._turn

    def leave(self, request_id: str) -> None:
        self._places.pop(request_id, None)
