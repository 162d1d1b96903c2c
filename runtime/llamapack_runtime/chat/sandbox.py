"""A Jinja environment for templates that nobody vouches for: no access to Python's insides, and
no more work than a budget allows. Knows nothing of chat.

A template comes out of a GGUF, and one with two nested loops or a doubled string would otherwise
hold the process for hours or take all its memory. So each turn of a loop and each call counts a
step, all text that an expression makes counts its characters, and single operations that multiply
their input are checked before they run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_STEPS = 1_000_000
MAX_CHARACTERS = 32_000_000
MAX_INTEGER_BITS = 4096
MAX_SECONDS = 5.0

_BUDGET = "the budget"  # with a space, so that no template can name it
_GROWING_FILTERS = (
    "batch", "center", "filesizeformat", "format", "indent", "pprint", "random", "slice",
    "urlize", "wordwrap", "xmlattr",
)  # fmt: skip
_GROWING_METHODS = {"center", "ljust", "rjust", "zfill", "expandtabs", "translate", "to_bytes"}
# A width of four digits or more, or one taken from the arguments.
_WIDE_PERCENT = re.compile(r"%[^%a-zA-Z]*(\d{4}|\*)")
_WIDE_FORMAT = re.compile(r"\{[^}]*(\d{4}|\{)")


class Budget:
    """What is left of one rendering. `charge` raises SecurityError when nothing is."""

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.characters = MAX_CHARACTERS
        self.deadline_s = time.monotonic() + MAX_SECONDS

    def charge(self, characters: int) -> None:
        """One step that makes `characters` of text."""
        self.steps -= 1
        self.characters -= characters
        if self.steps < 0 or self.characters < 0:
            raise SecurityError("the template does too much work")
        if self.steps % 256 == 0 and time.monotonic() > self.deadline_s:
            raise SecurityError(f"the template takes longer than {MAX_SECONDS:.0f} seconds")


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Render with `variables(...)` as the arguments."""

    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # the optimizer would run filters before there is a budget
            finalize=_charged,
            extensions=[loopcontrols, _Generation],
        )
        for name in _GROWING_FILTERS:
            del self.filters[name]
        self.filters = {name: _bounded(function) for name, function in self.filters.items()}
        self.filters["replace"] = _bounded(_replace)
        self.filters["join"] = _bounded(_join)
        self.filters[_Charge.loop] = _counted
        self.filters[_Charge.text] = _charged
        self.globals.pop("lipsum", None)

    def variables(self, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, _BUDGET: Budget()}

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        for loop in source.find_all(nodes.For):
            loop.iter = _filter(loop.iter, _Charge.loop)
        for concat in source.find_all(nodes.Concat):
            concat.nodes = [_filter(node, _Charge.text) for node in concat.nodes]
        return super()._generate(source, *args, **options)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr not in _GROWING_METHODS and super().is_safe_attribute(obj, attr, value)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # jinja's names
        budget = _budget(__context)
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", "")
        if isinstance(owner, str):
            args = tuple(list(a) if isinstance(a, Iterator) else a for a in args)
            budget.charge(_method_size(owner, name, args))
        result = super().call(__context, __obj, *args, **kwargs)
        budget.charge(_size(result))
        return result

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None and _WIDE_FORMAT.search(value.__self__):
            raise SecurityError("the template formats with a width that is too large")
        return wrapped

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _budget(context).charge(_operator_size(operator, left, right))
        return super().call_binop(context, operator, left, right)


class _Charge:
    """Names of filters that the environment itself puts into templates; none can be written."""

    loop = "a turn"
    text = "some text"


class _Generation(Extension):
    """{% generation %} marks the assistant's words for training; here it is just its content."""

    tags = {"generation"}  # noqa: RUF012  # as jinja2.ext.Extension declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _filter(node: nodes.Node, name: str) -> nodes.Filter:
    assert isinstance(node, nodes.Expr), "only expressions have a value"
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _budget(context: Context) -> Budget:
    budget = context.get(_BUDGET)
    assert isinstance(budget, Budget), "render with the environment's variables"
    return budget


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    budget = _budget(context)
    for item in items:
        budget.charge(0)
        yield item


@pass_context
def _charged(context: Context, value: Any) -> Any:
    _budget(context).charge(_size(value))
    return value


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose result is charged. Jinja passes the context first, and the filter's own
    first argument (environment, evaluation context) is found from it."""
    wish = getattr(function, "jinja_pass_arg", None)

    @pass_context
    @wraps(function, updated=())
    def filter_(context: Context, *args: Any, **kwargs: Any) -> Any:
        leading = {
            None: (),
            "context": (context,),
            "eval_context": (context.eval_ctx,),
            "environment": (context.environment,),
        }[wish.name if wish is not None else None]
        result = function(*leading, *args, **kwargs)
        _budget(context).charge(_size(result))
        return result

    return filter_


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    text, old, new = str(value), str(old), str(new)
    _refuse_above(_replaced_size(text, old, new))
    return text.replace(old, new, -1 if count is None else count)


def _join(items: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    parts, size = [], 0
    for item in items:
        parts.append(str(item if attribute is None else item[attribute]))
        size += len(parts[-1]) + len(separator)
        _refuse_above(size)
    return separator.join(parts)


def _method_size(owner: str, name: str, args: tuple[Any, ...]) -> int:
    """About how long the result of a string's method is, before it is made."""
    if name == "replace" and len(args) >= 2:
        return _replaced_size(owner, str(args[0]), str(args[1]))
    if name == "join" and args:
        return len(owner) * _size(args[0]) + sum(map(_size, args[0]))
    return 0


def _replaced_size(text: str, old: str, new: str) -> int:
    return len(text) + (text.count(old) if old else len(text) + 1) * len(new)


def _operator_size(operator: str, left: Any, right: Any) -> int:
    if operator == "+":
        return _size(left) + _size(right)
    if operator == "%":
        wide = isinstance(left, str) and _WIDE_PERCENT.search(left)
        return MAX_CHARACTERS + 1 if wide else _size(left)
    if isinstance(left, int) and isinstance(right, int):
        _refuse_large(left, right, operator)
        return 0
    for many, times in ((left, right), (right, left)):
        if isinstance(times, int) and not isinstance(many, (int, float)):
            return _size(many) * max(times, 0)
    return 0


def _refuse_large(left: int, right: int, operator: str) -> None:
    bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length()
    if max(bits, right.bit_length()) > MAX_INTEGER_BITS:
        raise SecurityError("the template computes with numbers that are too large")


def _refuse_above(size: int) -> None:
    if size > MAX_CHARACTERS:
        raise SecurityError("the template makes a text that is too long")


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (str, bytes, list, tuple, dict)) else 0
