"""The sentence of a computer whose processor runs nothing stays one that can be read."""

from __future__ import annotations

from llamapack_runtime.hardware.choice import ProbeResult, explain_failure


def test_what_asks_for_more_is_only_counted() -> None:
    results = [ProbeResult(name, 0, "unsupported") for name in ("zen4", "icelake")]
    assert explain_failure("Old CPU", results) == (
        "The processor of this computer (Old CPU) can run none of the 2 variants of the program: "
        "2 ask for a newer one. Try it on another computer."
    )


def test_a_few_of_the_others_are_named_in_short() -> None:
    results = [
        ProbeResult("haswell", 64, "crashed", "SIGILL"),
        ProbeResult("sse42", 5, "timed_out"),
        ProbeResult("x64", 1, "crashed", "/a/long/path/" + "x" * 200),
        ProbeResult("y", 1, "wrong"),
        ProbeResult("z", 1, "wrong"),
        ProbeResult("zen4", 0, "unsupported"),
    ]
    sentence = explain_failure("CPU", results)
    assert "haswell crashed (SIGILL), sse42 timed out, x64 crashed (/a/long/path/xxx" in sentence
    assert sentence.endswith(
        ", 2 more did not run either; 1 asks for a newer one. Try it on another computer."
    )
    assert len(sentence) < 300
