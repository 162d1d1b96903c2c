"""Jinja's filters and tests with their work charged, and those of our own where Jinja's would do
more work than its result shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2 import Environment, pass_context, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.filters import do_indent, make_attrgetter
from jinja2.runtime import Context

from llamapack_runtime.chat.sandbox_budget import budget_of, counted
from llamapack_runtime.chat.sandbox_sizes import (
    CONTAINERS,
    operator_size,
    part_weight,
    refuse_above,
    refuse_slow,
    refuse_wide,
    replaced_size,
    size,
    split_lines,
    weight,
)

_UNBOUNDED = (
    "filesizeformat", "pprint", "random", "striptags", "urlize", "wordcount", "wordwrap", "xmlattr",
)  # fmt: skip
_WIDE = ("batch", "center", "round", "slice", "truncate")
# These pass the parts of a container on as they are; all others may walk through them.
_SHALLOW = frozenset([
    "attr", "batch", "count", "d", "default", "first", "items", "join", "last", "length", "list",
    "map", "reject", "rejectattr", "reverse", "select", "selectattr", "slice",
])  # fmt: skip
_SHALLOW_TESTS = frozenset([
    "boolean", "callable", "defined", "false", "filter", "float", "integer", "iterable", "mapping",
    "none", "number", "sameas", "sequence", "string", "test", "true", "undefined",
])  # fmt: skip
# These do something with each part of their input, also with each letter of a text.
_ITERATING = frozenset([
    "batch", "groupby", "join", "list", "map", "max", "min", "reject", "rejectattr", "select",
    "selectattr", "slice", "sort", "sum", "unique",
])  # fmt: skip
# What they make of a character at most, where that is much.
_GROWTH = {"e": 5, "escape": 5, "forceescape": 5, "title": 8, "urlencode": 12}


def bounded_filters(filters: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Jinja's, without those that no chat template needs and that nothing bounds."""
    kept = {name: function for name, function in filters.items() if name not in _UNBOUNDED}
    kept |= {name: _narrow(kept[name]) for name in _WIDE}
    kept |= {
        "format": _format,
        "indent": _indent,
        "join": _join,
        "replace": _replace,
        "sum": _sum,
        "trim": _trim,
    }
    return {name: bounded(function, name) for name, function in kept.items()}


def bounded_tests(tests: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    return {name: test if name in _SHALLOW_TESTS else bounded(test) for name, test in tests.items()}


def bounded(function: Callable[..., Any], name: str = "") -> Callable[..., Any]:
    """A filter (by its name) or test whose work is charged. Jinja passes the context first, and
    the function's own first argument (environment, evaluation context) is found from it."""
    wish = getattr(function, "jinja_pass_arg", None)
    is_shallow, growth = name in _SHALLOW, _GROWTH.get(name, 0)

    @pass_context
    @wraps(function, updated=())
    def charged(context: Context, *args: Any, **kwargs: Any) -> Any:
        leading = {
            None: (),
            "context": (context,),
            "eval_context": (context.eval_ctx,),
            "environment": (context.environment,),
        }[wish.name if wish is not None else None]
        budget = budget_of(context)
        budget.charge(0 if is_shallow else part_weight(*args, *kwargs.values()))
        if growth and args:
            budget.charge(growth * weight(args[0]))
        if name in _ITERATING and args and _is_whole(args[0]):
            args = (counted(context, args[0]), *args[1:])
        result = function(*leading, *args, **kwargs)
        if isinstance(result, Iterator):
            return counted(context, result)
        budget.charge(size(result))
        return result

    return charged


def _is_whole(value: Any) -> bool:
    return isinstance(value, (str, *CONTAINERS))


def _narrow(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def narrow(*args: Any, **kwargs: Any) -> Any:
        leading = 2 if hasattr(function, "jinja_pass_arg") else 1  # and the filter's own input
        refuse_wide(*args[leading:], *kwargs.values())
        return function(*args, **kwargs)

    return narrow


def _format(text: Any, *args: Any, **kwargs: Any) -> str:
    refuse_above(operator_size("%", str(text), args or kwargs))
    formatted: str = str(text) % (kwargs or args)
    return formatted


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    text, old, new = str(value), str(old), str(new)
    refuse_above(replaced_size(text, old, new))
    return text.replace(old, new, -1 if count is None else count)


def _trim(value: Any, chars: str | None = None) -> str:
    text = value if isinstance(value, str) else str(value)
    refuse_slow(text, chars)
    return text.strip(chars)


def _indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    margin = len(width) if isinstance(width, str) else width
    refuse_above(split_lines(text, margin))
    return do_indent(text, width, first, blank)


@pass_environment
def _join(
    environment: Environment, items: Iterable[Any], d: str = "", attribute: str | None = None
) -> str:
    parts, length = [], 0
    for item in _each(environment, items, attribute):
        refuse_above(weight(item))
        parts.append(str(item))
        length += len(parts[-1]) + len(d)
        refuse_above(length)
    return d.join(parts)


@pass_environment
def _sum(
    environment: Environment,
    items: Iterable[Any],
    attribute: str | int | None = None,
    start: float = 0,
) -> Any:
    """Of numbers: lists would be copied anew for each further one."""
    values = list(_each(environment, items, attribute))
    if not all(isinstance(value, (int, float)) for value in [start, *values]):
        raise SecurityError("the template adds up something else than numbers")
    return sum(values, start)


def _each(
    environment: Environment, items: Iterable[Any], attribute: str | int | None
) -> Iterable[Any]:
    return items if attribute is None else map(make_attrgetter(environment, attribute), items)
