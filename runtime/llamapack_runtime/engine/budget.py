"""How many tokens a step may have, so that nobody waits long for the next one. Pure."""

from __future__ import annotations

from llamapack_runtime.engine.cost import StepCost

# How long a step may take: while somebody watches text appear, and while nobody does. At least
# that many times a step without prompts, which everybody has to wait for anyway.
STREAMING_STEP_S = 0.15
ALONE_STEP_S = 1.0
LEAST_STEPS = 2.0
# While nobody watches, the fixed cost of a step shall be no larger share of it.
MOST_FIXED = 0.03
# Tokens in a step that reads a prompt: at least, and before anything is known.
LEAST_STEP_TOKENS = 8
FIRST_STEP_TOKENS = 128


def token_budget(cost: StepCost, *, n_batch: int, n_running: int, is_watched: bool) -> int:
    """Tokens in the coming step. `is_watched`: somebody sees text appear and would see it stop."""
    decode_s = cost.decode_s(max(1, n_running)) or 0.0
    limit_s = max(STREAMING_STEP_S if is_watched else ALONE_STEP_S, LEAST_STEPS * decode_s)
    tokens = cost.tokens_within(limit_s)
    if tokens is None:
        return min(n_batch, FIRST_STEP_TOKENS)
    if not is_watched:
        tokens = max(tokens, cost.tokens_to_amortise(MOST_FIXED))
    return min(n_batch, max(LEAST_STEP_TOKENS, tokens))
