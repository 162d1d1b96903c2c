"""What a sequence is guessed to generate next: from earlier text, or by a draft model."""

from __future__ import annotations

from llamapack_runtime.engine.cost import StepCost
from llamapack_runtime.engine.drafter import Drafter, Wanted
from llamapack_runtime.engine.job import Job
from llamapack_runtime.engine.sequence import Sequence
from llamapack_runtime.engine.speculate import best_draft


class Guesser:
    """`cost` is what steps take. Takes over `drafter`, if there is one, and closes it."""

    def __init__(self, cost: StepCost, drafter: Drafter | None) -> None:
        self._cost = cost
        self._drafter = drafter

    def guess(
        self, job: Job, sequence: Sequence, usual_answer: float, n_others: int, room: int
    ) -> tuple[int, ...]:
        """At most `room` tokens; `n_others` are in the step besides the sequence's own. What is
        found in the text costs nothing, so the draft model is asked only where it knows better."""
        forced = job.forced()
        if forced:
            return forced[:room]
        speculator = job.speculator
        if speculator is None:
            return ()
        count = best_draft(speculator.confidence, room, n_others, self._cost.decode_s)
        drafter = self._drafter
        if drafter is None or (count and speculator.confidence >= drafter.confidence):
            return speculator.propose(count)
        request = sequence.request
        if sequence.is_shifted or request.media:
            drafter.leave(request.request_id)
            return speculator.propose(count)
        expected = sequence.expected_growth(usual_answer)
        wanted = Wanted(request.request_id, sequence.tokens, expected, n_others, room)
        return drafter.propose(wanted, self._cost.decode_s) or speculator.propose(count)

    def leave(self, request_id: str) -> None:
        """The request is over, or never began."""
        if self._drafter is not None:
            self._drafter.leave(request_id)

    def interrupt(self) -> None:
        """From any thread."""
        if self._drafter is not None:
            self._drafter.interrupt()

    def close(self) -> None:
        if self._drafter is not None:
            self._drafter.close()
