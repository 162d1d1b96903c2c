"""The options of a draft model. The names are llama-server's."""

from __future__ import annotations

from llamapack_runtime.option import Option

DRAFT_OPTIONS = (
    Option(
        "model-draft",
        "a much smaller GGUF model with the same vocabulary, which guesses the next tokens, "
        "instead of the pack's own",
        other_names=("-md",),
        placeholder="FILE",
        is_packable=False,
        group="Model",
    ),
    Option(
        "draft-max",
        "the most tokens that the draft model guesses at once; how many pay is measured "
        "(default: 16)",
        "integer",
        ("--draft", "--draft-n"),
        "N",
        low=1,
        high=48,
        group="Speed",
    ),
    Option(
        "draft-min",
        "fewer guesses than this are not tried (default: 0)",
        "integer",
        ("--draft-n-min",),
        "N",
        low=0,
        high=48,
        group="Speed",
    ),
    Option(
        "draft-p-min",
        "how sure the draft model must be of a guess (default: 0)",
        "number",
        (),
        "P",
        low=0.0,
        high=1.0,
        group="Speed",
    ),
)
