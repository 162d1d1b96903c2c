"""Where values stand: every place that the reader finds has a line, and the right one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llamapack.presets.lines import Place, lines_of

# The number of each value is the line that it stands on; of texts, the number at their end.
DOCUMENT = '''\
preset = 1 # not = 9
"quoted # \\" key" = 2
'literal = [key]' = 3
dotted.a . "b.c" = 4
dotted.d = [
  6 , [],
  # [ "comment
  [8,
    9], { x = 9, y.z = 9, "w" = [9] } ,
]
many = """
[not.a.table]
quote \\""" 13
"""
more = \'\'\'
x = 1\'\'\'\'\'
one = """"a" 17"""
two = \'it is # 18\'
date = 1979-05-27 07:32:00Z
nothing = ""

[table] # heading
key = 23
[table."sub table".deep]
key = 25
[[list]]
key = 27
[list.inner]
key = 29
[[list]]
  key = 31
  [[list.inner]]
  key = 33
  [[list.inner]]
  key = 35
'''


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    if place:
        yield place, value
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            yield from places(item, (*place, key))


def test_numbers_stand_on_their_lines() -> None:
    lines = lines_of(DOCUMENT)
    found = dict(places(tomllib.loads(DOCUMENT)))
    assert lines.keys() == found.keys()
    for place, value in found.items():
        if isinstance(value, int):
            assert lines[place] == value, place
    assert lines["many",] == 11
    assert lines["more",] == 15
    assert lines["one",] == 17
    assert lines["table", "sub table"] == 24


KEYS = st.text(min_size=1, max_size=5)
VALUES = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


def written(value: Any) -> str:
    """As TOML has it inline."""
    if isinstance(value, dict):
        pairs = (f"{written(key)} = {written(item)}" for key, item in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ",\n".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_every_place_has_a_line(values: dict[str, Any]) -> None:
    parts = [f"{written(key)} = {written(value)}\n\n" for key, value in values.items()]
    text = "".join(parts)
    lines = lines_of(text)
    found = dict(places(tomllib.loads(text)))
    assert lines.keys() == found.keys()
    line = 1
    for key, part in zip(values, parts, strict=True):
        assert lines[key,] == line
        line += part.count("\n")
