"""When a draft model guesses, what it reads for that, and when it stops."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from llamapack_runtime.engine.drafter import MOST_OTHERS, DraftLimits, Wanted
from runtime.engine.fake_draft import END, N_VOCAB, FakeDraft, Loop, drafter_of

PROMPT = tuple(range(1, 11))


def story(tokens: Sequence[int]) -> int:
    """Never the same twice in a row, and no end."""
    return (tokens[-1] * 7 + len(tokens) * 31) % 900


def other(tokens: Sequence[int]) -> int:
    return story(tokens) + 1


def mostly(tokens: Sequence[int]) -> int:
    """Right three times of four."""
    return story(tokens) + (len(tokens) % 4 == 0)


def flat(n_tokens: int) -> float:
    """As on a computer that waits for its memory."""
    return 0.1 + 0.004 * (n_tokens - 1)


def steep(n_tokens: int) -> float:
    return 0.1 * n_tokens


def loop_of(draft: FakeDraft, *, step: object = flat, limits: DraftLimits | None = None) -> Loop:
    drafter = drafter_of(draft, limits or DraftLimits())
    return Loop(drafter, draft, story, step)  # type: ignore[arg-type]  # one of the two above


def test_right_guesses_make_an_answer_several_times_faster() -> None:
    draft = FakeDraft(story)
    loop = loop_of(draft)
    answer = loop.run("a", PROMPT, 200)
    expected = [*PROMPT]
    for _ in range(200):
        expected.append(story(expected))
    assert answer == expected[len(PROMPT) :]
    assert loop.n_right == loop.n_sent > 150
    assert draft.now_s < 200 * flat(1) / 3


def test_guesses_that_are_mostly_right_pay_too() -> None:
    draft = FakeDraft(mostly)
    loop = loop_of(draft)
    loop.run("a", PROMPT, 400)
    assert draft.now_s < 400 * flat(1) / 1.5


@pytest.mark.parametrize("probability", [0.3, 0.99])
def test_wrong_guesses_stop_and_cost_next_to_nothing(probability: float) -> None:
    draft = FakeDraft(other, probability=probability)
    loop = loop_of(draft)
    loop.run("a", PROMPT, 400)
    assert draft.now_s < 400 * flat(1) * 1.03
    assert loop.n_right == 0


@pytest.mark.parametrize("draft", [FakeDraft(story, guess_s=0.09), FakeDraft(story, guess_s=0.3)])
def test_a_draft_model_that_is_as_slow_as_its_model_is_left_alone(draft: FakeDraft) -> None:
    """Right or not."""
    loop = loop_of(draft)
    loop.run("a", PROMPT, 400)
    assert draft.now_s < 400 * flat(1) * 1.04


def test_where_wide_steps_are_slow_nothing_is_guessed_for_long() -> None:
    draft = FakeDraft(mostly)
    loop = loop_of(draft, step=steep)
    loop.run("a", PROMPT, 400)
    assert draft.now_s < 400 * steep(1) * 1.03


def test_guesses_begin_again_when_they_pay_again() -> None:
    draft = FakeDraft(other)
    loop = loop_of(draft)
    loop.run("a", PROMPT, 300)
    before = loop.n_right
    loop.text = other
    loop.run("b", PROMPT, 2000)
    assert loop.n_right > before + 1000


def test_the_next_prompt_of_a_conversation_is_not_read_again() -> None:
    draft = FakeDraft(story)
    loop = loop_of(draft)
    prompt = [number % 900 for number in range(500)]
    answer = loop.run("a", prompt, 40)
    before = draft.n_read
    loop.run("b", [*prompt, *answer, 1, 2, 3], 40)
    assert draft.n_read - before < 150


def test_a_long_prompt_is_read_in_parts_and_only_if_that_pays() -> None:
    draft = FakeDraft(story)
    loop = loop_of(draft)
    loop.tokens["a"] = [number % 900 for number in range(600)]
    read = []
    while not loop.n_sent:
        before = draft.n_read
        loop.step("a")
        read.append(draft.n_read - before)
    assert len(read) > 5
    assert max(read[:-1]) <= draft.n_batch
    dear = FakeDraft(story, read_s=0.02)
    loop = loop_of(dear)
    loop.run("a", [number % 900 for number in range(3000)], 200)
    assert dear.now_s < 200 * flat(1) * 1.06


def test_beside_many_others_nothing_is_guessed() -> None:
    draft = FakeDraft(story)
    loop = loop_of(draft)
    loop.n_others = MOST_OTHERS + 1
    loop.run("a", PROMPT, 50)
    assert loop.n_sent == draft.n_read == 0


def test_two_at_once_gain_alike() -> None:
    draft = FakeDraft(story)
    loop = loop_of(draft)
    loop.n_others = 1
    for name in "ab":
        loop.tokens[name] = [ord(name), *PROMPT]
    for _ in range(100):
        for name in "ab":
            loop.step(name)
    gained = [len(tokens) - len(PROMPT) - 101 for tokens in loop.tokens.values()]
    assert min(gained) > 40
    assert max(gained) < 1.5 * min(gained)


def test_the_cache_is_bounded_and_shared() -> None:
    draft = FakeDraft(story, n_ctx=200)
    loop = loop_of(draft)
    for number in range(12):
        loop.run(f"{number}", [number, *PROMPT], 60)
    for name in "abcde":
        loop.tokens[name] = [ord(name), *PROMPT]
    for _ in range(30):
        for name in "abcde":
            loop.step(name)
    loop.run("long", [3] * 300, 10)
    assert loop.n_right > 400


def test_limits_of_the_user_hold() -> None:
    loop = loop_of(FakeDraft(story), limits=DraftLimits(most=3))
    loop.run("a", PROMPT, 100)
    assert loop.widest == 3
    loop = loop_of(FakeDraft(story), limits=DraftLimits(least_probability=0.99))
    loop.run("a", PROMPT, 100)
    assert loop.n_sent == 0
    loop = loop_of(FakeDraft(story), limits=DraftLimits(most=4, least=4))
    loop.tokens["a"] = [*PROMPT]
    assert {len(loop.step("a")) for _ in range(40)} <= {0, 4}


def test_nothing_is_guessed_behind_the_end_or_beyond_the_models_tokens() -> None:
    loop = loop_of(FakeDraft(lambda _tokens: END))
    loop.tokens["a"] = [*PROMPT]
    assert max(len(loop.step("a")) for _ in range(10)) == 1
    draft = FakeDraft(lambda _tokens: N_VOCAB)
    loop = loop_of(draft)
    loop.run("a", PROMPT, 20)
    assert loop.n_sent == 0


def test_tokens_that_the_draft_model_lacks_end_its_part() -> None:
    draft = FakeDraft(story)
    loop = loop_of(draft)
    loop.run("a", [*PROMPT, N_VOCAB], 20)
    loop.run("b", [*PROMPT, -5], 20)
    assert draft.n_read == 0


def test_a_failure_ends_the_guesses_and_is_told() -> None:
    draft = FakeDraft(story)
    loop = loop_of(draft)
    loop.run("a", PROMPT, 20)
    assert loop.drafter.report.problem is None
    draft.fails = True
    loop.run("b", PROMPT, 20)
    assert loop.drafter.report.problem == "The draft model is not used any more: It failed."
    assert loop.drafter.report.name == "small"


def test_it_is_interrupted_and_closed() -> None:
    draft = FakeDraft(story)
    drafter = drafter_of(draft)
    drafter.interrupt()
    assert drafter.propose(Wanted("a", [*PROMPT], 64, 0, 8), flat) == ()
    drafter.close()
    assert draft.is_closed
