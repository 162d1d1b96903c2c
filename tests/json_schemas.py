"""Random JSON Schemas: sensible ones, and ones with keywords that make no sense."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

Schema = dict[str, Any]

_NAMES = st.sampled_from(["a", "b", "name", "größe", "x y", "$id2", "nested"])
_BOUND = st.integers(0, 6)
_VALUES = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=6)


def _with(base: Schema, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    chosen = st.fixed_dictionaries({}, optional=optional)
    return chosen.map(lambda values: base | values)


_LEAVES = st.one_of(
    st.sampled_from([{"type": "boolean"}, {"type": "null"}]),
    _with(
        {"type": "string"},
        minLength=_BOUND,
        maxLength=st.integers(2, 20),
        pattern=st.sampled_from(["^[a-z]+$", "^\\d{3}-\\d{4}$", "x|yy", "^(?=a)b$", "("]),
        format=st.sampled_from(["date", "date-time", "email", "uuid", "ipv4", "colour"]),
    ),
    _with(
        {"type": "integer"},
        minimum=st.integers(-50, 5),
        maximum=st.integers(5, 999),
        multipleOf=st.integers(0, 7),
    ),
    _with({"type": "number"}, minimum=st.floats(-10, 0), exclusiveMaximum=st.floats(1, 10)),
    st.lists(_VALUES, min_size=1, max_size=4).map(lambda values: {"enum": values}),
    _VALUES.map(lambda value: {"const": value}),
    st.just({"$ref": "#/$defs/one"}),
)


def _containers(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    properties = st.dictionaries(_NAMES, inner, max_size=4)
    return st.one_of(
        _with(
            {"type": "object", "additionalProperties": False},
            properties=properties,
            required=st.lists(_NAMES, max_size=3, unique=True),
        ),
        _with({"type": "object"}, properties=properties, patternProperties=properties),
        _with(
            {"type": "array"},
            items=inner,
            prefixItems=st.lists(inner, min_size=1, max_size=3),
            minItems=_BOUND,
            maxItems=st.integers(1, 5),
        ),
        st.tuples(
            st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, min_size=1, max_size=3)
        ).map(lambda pair: {pair[0]: pair[1]}),
    )


def _rooted(schema: Schema, one: Schema) -> Schema:
    """With what its references lead to: maybe, inside a list, itself again."""
    if "$ref" in json.dumps(one):
        one = {"type": "array", "items": one}
    return schema | {"$defs": {"one": one}} if "$ref" in json.dumps(schema) else schema


_TREES = st.recursive(_LEAVES, _containers, max_leaves=8)
SENSIBLE = st.builds(_rooted, _TREES, _TREES)

_JSON = st.recursive(
    _VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3)
)
_KEYWORDS = st.sampled_from(
    [
        *("type", "enum", "const", "$ref", "$defs", "definitions", "$id", "$schema", "title"),
        *("properties", "required", "additionalProperties", "patternProperties", "minProperties"),
        *("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
        *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf"),
        *(
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "if",
            "then",
            "else",
            "dependentRequired",
            "x-guidance",
        ),
    ]
)
# Any keyword with any value, most of them nonsense, some of it inside a sensible schema.
WILD = st.builds(dict.__or__, SENSIBLE, st.dictionaries(_KEYWORDS, _JSON | SENSIBLE, max_size=3))


def random_schemas(count: int) -> list[Schema]:
    """All different, and the same ones each time that the same code is loaded: Hypothesis also
    tries values that it finds in the project's modules."""
    found: dict[str, Schema] = {}

    @settings(
        max_examples=10 * count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(SENSIBLE | SENSIBLE | WILD)
    def collect(schema: Schema) -> None:
        if len(found) < count:
            found[json.dumps(schema, sort_keys=True)] = schema

    collect()
    assert len(found) == count, "the strategies make too few different ones"
    return [*found.values()]


def is_valid(schema: Schema, value: object) -> bool:
    result: bool = Draft202012Validator(schema).is_valid(value)
    return result


def is_schema(schema: Schema) -> bool:
    """Whether it means anything: a keyword that is not for its values may have any value here."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return False
    return True
