"""How many tokens a step may have, so that nobody waits long for the next one. Pure."""

from __future__ import annotations

from llamapack_runtime.engine.cost import StepCost

# How long a step may take: while somebody watches text appear, and while nobody does. At least
# that many times a step without prompts, which everybody has to wait for anyway.
STREAMING_STEP_S = 0.25
ALONE_STEP_S = 1.0
LEAST_STEPS = 3.0
# While nobody watches, the fixed cost of a step shall be no larger share of it.
MOST_FIXED = 0.03
# Tokens of prompts in a step: at least, and before anything is known.
LEAST_PROMPT_TOKENS = 16
FIRST_PROMPT_TOKENS = 128


def token_budget(cost: StepCost, *, n_batch: int, n_generating: int) -> int:
    """Tokens in the coming step, of which `n_generating` are generated: whoever waits for those
    sees text appear, and would see it stop."""
    alone_s = cost.decode_s(max(1, n_generating)) or 0.0
    limit_s = max(STREAMING_STEP_S if n_generating else ALONE_STEP_S, LEAST_STEPS * alone_s)
    tokens = cost.prompt_tokens_within(limit_s, n_generating)
    if tokens is None:
        return min(n_batch, FIRST_PROMPT_TOKENS)
    if not n_generating:
        tokens = max(tokens, cost.prompt_tokens_to_amortise(MOST_FIXED))
    return min(n_batch, n_generating + max(LEAST_PROMPT_TOKENS, tokens))
