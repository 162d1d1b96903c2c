"""A Jinja environment for templates that nobody vouches for: no access to Python's insides, and
no more work than a budget allows. Knows nothing of chat.

A template comes out of a GGUF, and one with two nested loops or a doubled string would otherwise
hold the process for hours or take all its memory. So each turn of a loop, each call and whatever
reads or makes more than a little counts a step, at which the clock is looked at; all that an
expression makes counts its size; and single operations that multiply their input are checked
before they run."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from llamapack_runtime.chat.sandbox_budget import (
    MAX_SECONDS,
    VARIABLE,
    Budget,
    budget_of,
    counted,
)
from llamapack_runtime.chat.sandbox_filters import bounded, bounded_filters, bounded_tests
from llamapack_runtime.chat.sandbox_format import bounded_format
from llamapack_runtime.chat.sandbox_sizes import (
    method_size,
    operator_size,
    part_weight,
    refuse_large,
    refuse_wide_format,
    size,
    weight,
)

__all__ = ["MAX_SECONDS", "BoundedEnvironment"]

# Of texts and numbers, because what they make grows or is nothing for a chat.
_UNSAFE_METHODS = {"encode", "from_bytes", "maketrans", "striptags", "to_bytes", "translate"}
_LAZY = (Iterator, ItemsView, KeysView, ValuesView)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Render with `variables(...)` as the arguments."""

    intercepted_binops = frozenset(["+", "-", "*", "**", "//", "%"])

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # the optimizer would run filters before there is a budget
            finalize=_text,
            extensions=[loopcontrols, _Generation],
        )
        self.filters = bounded_filters(self.filters) | _Charge.filters()
        self.tests.update(bounded_tests(self.tests))
        self.globals["namespace"] = _Namespace
        self.globals.pop("lipsum", None)

    def add_filter(self, name: str, function: Callable[..., Any]) -> None:
        """One whose work is charged."""
        self.filters[name] = bounded(function, name)

    def variables(self, values: Mapping[str, Any], seconds: float = MAX_SECONDS) -> dict[str, Any]:
        """What to render with, in `seconds` at most."""
        return {**values, VARIABLE: Budget(seconds)}

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        return super()._generate(_Charges().visit(source), *args, **options)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr not in _UNSAFE_METHODS and super().is_safe_attribute(obj, attr, value)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return super().getitem(obj, _not_nested(argument))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # jinja's names
        budget = budget_of(__context)
        owner, name = getattr(__obj, "__self__", None), getattr(__obj, "__name__", "")
        budget.charge(size(args) + size(kwargs))
        if isinstance(owner, str):
            args = tuple(list(a) if isinstance(a, _LAZY) else a for a in args)
            budget.charge(method_size(owner, name, args))
        if isinstance(owner, (list, tuple)):  # it looks for something in it
            budget.charge(part_weight(owner))
        if not isinstance(__obj, Macro):
            budget.charge(part_weight(*args, *kwargs.values()))
        result = super().call(__context, __obj, *args, **kwargs)
        budget.charge(size(result))
        return result

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        if super().wrap_str_format(value) is None:
            return None
        refuse_wide_format(value.__self__)
        return bounded_format(self, value.__self__, takes_mapping=value.__name__ == "format_map")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget_of(context).charge(operator_size(operator, left, right))
        return super().call_binop(context, operator, left, right)


class _Charge:
    """Names of filters that the environment itself puts into templates; none can be written."""

    turns = "its turns"
    text = "some text"
    side = "a side"
    key = "a key"
    made = "a thing"

    @classmethod
    def filters(cls) -> dict[str, Callable[..., Any]]:
        return {
            cls.turns: counted,
            cls.text: _text,
            cls.side: _side,
            cls.key: _key,
            cls.made: _made,
        }


class _Charges(NodeTransformer):
    """Puts a charge to whatever Jinja would do without asking the environment."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  # jinja's names
        self.generic_visit(node)
        node.iter = _filter(node.iter, _Charge.turns)
        return node

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802
        """The template's own text: constants go through the environment's `finalize`."""
        self.generic_visit(node)
        node.nodes = [
            nodes.Const(part.data, lineno=part.lineno)
            if isinstance(part, nodes.TemplateData)
            else part
            for part in node.nodes
        ]
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.nodes = [_filter(part, _Charge.text) for part in node.nodes]
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not _is_simple(node):
            node.expr = _filter(node.expr, _Charge.side)
            for operand in node.ops:
                operand.expr = _filter(operand.expr, _Charge.side)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.key = _filter(node.key, _Charge.key)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):  # Jinja takes it without the environment
            return _filter(node, _Charge.made)
        node.arg = _filter(node.arg, _Charge.key)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, _Charge.made)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, _Charge.made)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, _Charge.made) if node.ctx == "load" else node

    def visit_Const(self, node: nodes.Const) -> nodes.Node:  # noqa: N802
        if isinstance(node.value, int):
            refuse_large(node.value)
        return node


class _Generation(Extension):
    """{% generation %} marks the assistant's words for training; here it is just its content."""

    tags = {"generation"}  # noqa: RUF012  # as jinja2.ext.Extension declares it

    def parse(self, parser: Parser) -> nodes.Scope:
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=lineno)


class _Namespace(Namespace):
    """As transformers has it: without names that Python keeps for itself."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # so that `self` may be a name
        for name in dict(*args[1:], **kwargs):
            _check_name(name)
        Namespace.__init__(*args, **kwargs)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)

    def __repr__(self) -> str:
        return "<Namespace>"


def _check_name(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"the template names an attribute '{name}', which begins with '_'")


def _filter(node: nodes.Node, name: str) -> nodes.Expr:
    assert isinstance(node, nodes.Expr), "only expressions have a value"
    if isinstance(node, nodes.Const) and name in (_Charge.side, _Charge.key):
        return node  # short, and read at once
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _is_simple(compare: nodes.Compare) -> bool:
    """Whether one side is a text or number in the template: that ends the other's walk at once,
    unless it is sought in there."""
    sides = [compare.expr, *(operand.expr for operand in compare.ops)]
    seeks = any(operand.op in ("in", "notin") for operand in compare.ops)
    return not seeks and any(isinstance(side, nodes.Const) for side in sides)


@pass_context
def _text(context: Context, value: Any) -> Any:
    budget_of(context).charge(weight(value))
    return value


@pass_context
def _side(context: Context, value: Any) -> Any:
    budget_of(context).charge(part_weight(value))
    return value


@pass_context
def _made(context: Context, value: Any) -> Any:
    budget_of(context).charge(size(value))
    return value


@pass_context
def _key(context: Context, value: Any) -> Any:
    budget_of(context).charge(0)
    return _not_nested(value)


def _not_nested(key: Any) -> Any:
    """Python walks through the whole of a tuple each time that it looks it up."""
    if isinstance(key, tuple):
        raise SecurityError("the template looks up a list")
    return key
