"""How many tokens a step may have, so that nobody waits long for the next one. Pure."""

from __future__ import annotations

from llamapack_runtime.engine.cost import TILE, StepCost

# How long a step may take: while somebody watches text appear, and while nobody does. At least
# that many times a step without prompts, which everybody has to wait for anyway.
STREAMING_STEP_S = 0.35
ALONE_STEP_S = 1.0
LEAST_STEPS = 3.0
# While somebody watches, a whole tile may take this long if narrower steps read so much slower.
TILE_STEP_S = 0.5
MUCH_SLOWER = 1.2
# While nobody watches, the fixed cost of a step shall be no larger share of it.
MOST_FIXED = 0.03
# Tokens of prompts in a step: at least, and before anything is known.
LEAST_PROMPT_TOKENS = 16
FIRST_STEP_TOKENS = 2 * TILE


def token_budget(cost: StepCost, *, n_batch: int, n_generating: int, n_reading: int) -> int:
    """Tokens in the coming step, of which `n_generating` are generated: whoever waits for those
    sees text appear, and would see it stop. `n_reading` others wait for their first token: where
    they are more, the step may take longer by as much."""
    if cost.prompt_token_s(TILE) is None:
        return min(n_batch, FIRST_STEP_TOKENS)
    if not n_generating:
        return min(n_batch, _alone(cost))
    limit_s = min(STREAMING_STEP_S * max(1.0, n_reading / n_generating), ALONE_STEP_S)
    limit_s = max(limit_s, LEAST_STEPS * (cost.decode_s(n_generating) or 0.0))
    return min(n_batch, _watched(cost, n_generating, limit_s))


def _alone(cost: StepCost) -> int:
    within = cost.prompt_tokens_within(ALONE_STEP_S, 0) or 0
    tokens = _whole_tiles(max(within, cost.prompt_tokens_to_amortise(MOST_FIXED)))
    return _widened(cost, tokens, 0, 2 * ALONE_STEP_S)


def _watched(cost: StepCost, n_generating: int, limit_s: float) -> int:
    within = cost.prompt_tokens_within(limit_s, n_generating) or 0
    tokens = n_generating + max(LEAST_PROMPT_TOKENS, within)
    tokens = _whole_tiles(tokens) if n_generating + within >= TILE else min(TILE - 1, tokens)
    return _widened(cost, tokens, n_generating, TILE_STEP_S)


def _widened(cost: StepCost, tokens: int, n_generating: int, limit_s: float) -> int:
    """One or two whole tiles instead, where fewer tokens are read so much more slowly."""
    for wider in (TILE, 2 * TILE):
        own_s, wider_s = cost.prompt_token_s(tokens) or 0.0, cost.prompt_token_s(wider) or 0.0
        step_s = cost.step_s(wider - n_generating, n_generating) or 0.0
        if tokens < wider and own_s > MUCH_SLOWER * wider_s and step_s <= limit_s:
            tokens = wider
    return tokens


def _whole_tiles(tokens: int) -> int:
    return max(1, tokens // TILE) * TILE
