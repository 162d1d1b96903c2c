"""The public JSON Schema test suites: what a schema forbids never passes its grammar."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from fakes import ByteTokenizer
from llamapack_runtime.engine.errors import GrammarError
from llamapack_runtime.engine.grammar import Grammar
from schema_suite import schema_suite

pytestmark = pytest.mark.slow

COMPILER = ByteTokenizer()


# A grammar fixes the order of properties and how numbers are written, so that some valid texts do
# not pass; the least shares are what the suites showed, and a fall would be a loss.
@pytest.mark.parametrize(
    ("draft", "uri", "least_compiled", "least_passing"),
    [
        ("draft4", "http://json-schema.org/draft-04/schema#", 50, 0.95),
        ("draft2020-12", "https://json-schema.org/draft/2020-12/schema", 150, 0.9),
    ],
)
def test_no_text_passes_that_its_schema_forbids(
    draft: str, uri: str, least_compiled: int, least_passing: float
) -> None:
    seen: Counter[str] = Counter()
    for path in sorted((schema_suite() / draft).glob("*.json")):
        for case in json.loads(path.read_bytes()):
            grammar = compiled(case["schema"], uri)
            seen["compiled" if grammar else "refused"] += 1
            for test in case["tests"] if grammar else ():
                assert grammar is not None
                does_pass = passes(grammar, test["data"])
                assert test["valid"] or not does_pass, (path.name, case["schema"], test)
                seen[f"valid, passes {does_pass}"] += test["valid"]
    print(draft, dict(seen))
    valid = seen["valid, passes True"] + seen["valid, passes False"]
    assert seen["compiled"] >= least_compiled
    assert seen["valid, passes True"] >= least_passing * valid


def compiled(schema: Any, uri: str) -> Grammar | None:
    """None when it is refused."""
    if isinstance(schema, dict):
        schema = {"$schema": uri, **schema}
    try:
        return COMPILER.grammar("start: %json " + json.dumps(schema))
    except GrammarError:
        return None


def passes(grammar: Grammar, value: object) -> bool:
    matcher = grammar.start()
    try:
        for byte in json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"):
            matcher.accept(byte)
        matcher.accept(ByteTokenizer.END)
    except GrammarError:
        return False
    return True
