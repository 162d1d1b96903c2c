"""The prompt of a text with a gap."""

from __future__ import annotations

import pytest

from fakes import ByteTokenizer
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.llamacpp.infill import WINDOW_TOKENS, Gap, infill_prompt
from llamapack_runtime.engine.infill_tokens import InfillTokens

PRE, SUF, MID, REPO, FILE, BOS = "▶", "▼", "◆", "®", "§", "^"
NAMES = {300: PRE, 301: SUF, 302: MID, 303: REPO, 304: FILE, 256: BOS}
WINDOW = InfillTokens(prefix=300, suffix=301, middle=302)
ALL = InfillTokens(bos=256, prefix=300, suffix=301, middle=302, repository=303, file=304)


def prompt(marks: InfillTokens, gap: Gap, n_ctx: int = 4096, max_tokens: int | None = None) -> str:
    """The marks as one sign each."""
    vocabulary = ByteTokenizer()
    vocabulary.infill_tokens = marks
    tokens = infill_prompt(vocabulary, gap, n_ctx=n_ctx, max_tokens=max_tokens)
    return "".join(NAMES.get(token) or chr(token) for token in tokens)


def test_prefix_then_prompt_then_suffix() -> None:
    gap = Gap("def f(", "return x", "a, ")
    assert prompt(WINDOW, gap) == f"{PRE}def f(a, {SUF}return x{MID}"


def test_other_files_go_first_with_their_names() -> None:
    gap = Gap("p", "s", extra=[("a.py", "A"), ("b.py", "B")])
    assert prompt(ALL, gap) == (
        f"{REPO}myproject\n{FILE}a.py\nA{FILE}b.py\nB{FILE}filename\n{BOS}{PRE}p{SUF}s{MID}"
    )


def test_without_a_token_for_files_they_are_set_apart_by_text() -> None:
    gap = Gap("p", "s", extra=[("a.py", "A"), ("b.py", "B")])
    snip = "\n\n--- snip ---\n\n"
    assert prompt(WINDOW, gap) == f"{snip}A{snip}B{PRE}p{SUF}s{MID}"


def test_what_is_next_to_the_gap_stays() -> None:
    text = prompt(WINDOW, Gap("x" * 9000 + "end", "begin" + "y" * 9000))
    prefix, _, rest = text.removeprefix(PRE).partition(SUF)
    assert (len(prefix), len(rest)) == (WINDOW_TOKENS * 3 // 4, WINDOW_TOKENS // 4 - 2 + 1)
    assert prefix.endswith("end")
    assert rest.startswith("begin")


@pytest.mark.parametrize("n_ctx", [8, 64, 512, 4096])
@pytest.mark.parametrize("max_tokens", [None, 16, 100_000])
def test_it_fits_into_the_context(n_ctx: int, max_tokens: int | None) -> None:
    gap = Gap("x" * 9000, "y" * 9000, extra=[("name", "z" * 9000)])
    assert len(prompt(ALL, gap, n_ctx, max_tokens)) <= n_ctx


def test_of_the_other_files_the_end_stays() -> None:
    gap = Gap("p", "s", extra=[("a", "A" * 5000), ("b", "B")])
    text = prompt(ALL, gap, n_ctx=700)
    assert text.startswith("A")
    assert f"{FILE}b\nB{FILE}filename\n{BOS}{PRE}p" in text


def test_control_tokens_of_the_file_are_text() -> None:
    assert "<|end|>" in prompt(WINDOW, Gap("<|end|>", ""))


def test_a_model_without_the_tokens_refuses() -> None:
    with pytest.raises(ApiError, match="no token for suffix and middle") as caught:
        prompt(InfillTokens(prefix=300), Gap("p", "s"))
    assert caught.value.status == 501
