# ruff: noqa: E501  # a template is easier to read in one line
"""No template holds the process for long or takes its memory, however it is put together."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamapack_runtime.chat import template_probe
from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.sandbox import MAX_SECONDS
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.chat.template_source import TemplateSource


def render(text: str) -> str:
    source = TemplateSource(text, bos_token="", eos_token="")
    return source.render({"messages": [{"role": "user", "content": "Hi"}]})


# What makes something out of `n.s` and `n.t` that is about twice as large, in a few steps.
GROWTH = (
    "[x, x]", "(x, x)", "{'a': x, 'b': x}", "[x] * 2", "[x] + [x]", "dict(a=x, b=x)",
    "dict(a=x, b=x).values()", "dict(a=x, b=x).items()", "dict(a=x, b=[x])", "cycler(x, x).items",
    "namespace(a=x, b=x)", "[[x], [x]] | map('first') | list", "both(x, x)",
    "'%s%s' % (x, x)", "'{}{}'.format(x, x)", "x ~ x", "[x, x] | join", "'%s%s' | format(x, x)",
    "(x | string) + (x | string)", "(x | string).replace('x', 'xx')", "[x, x] | tojson",
    "(x | string) * 2", "x | string | replace('x', 'xx')", "x | string | indent(9999, true)",
    "[x, x] | batch(2) | list", "[x, x] | slice(2) | list",
)  # fmt: skip
# What walks through all of it.
USES = (
    "{{ n.s }}", "{{ n.s ~ '' }}", "{{ n.s | tojson }}", "{{ n.s | string | length }}",
    "{{ n.s == n.t }}", "{{ n.s in [n.t] }}", "{{ n.s is eq n.t }}", "{{ [n.s, n.t] | sort | length }}",
    "{{ [n.s, n.t] | unique | list | length }}", "{{ [n.s, n.t] | max | length }}", "{{ n }}",
    "{{ {n.s: 1} | length }}", "{{ messages[0][n.s] }}", "{{ messages[0].get(n.s) }}", "{{ '%s' % [n.s] }}",
    "{{ '{}'.format(n.s) }}", "{{ [n.s] | join }}", "{{ [n.s] | groupby(0) | list | length }}",
    "{{ [n.s] | sum(start=[]) }}", "{{ n.s is lower }}", "{{ n.s | upper | length }}", "{{ [[n.s]] | map('join') | list }}",
    "{{ [n.s, n.t] | select('eq', n.t) | list | length }}", "{{ [n.s].index(n.t) }}", "{{ [n.t].count(n.s) }}",
    "{{ {'a': n.s} | dictsort(by='value') | length }}", "{{ n.s | e | length }}", "{{ [n.s] | tojson(indent=2) }}",
    "{% for a in n.s %}{{ a }}{% endfor %}", "{{ n.s | urlencode }}", "{% if loop is defined or n.s != n.t %}{% endif %}",
    "{% for a in [n.s, n.t] %}{{ loop.changed(a) }}{% endfor %}", "{% filter upper %}{{ n.s }}{% endfilter %}",
    "{% set y %}{{ n.s }}{% endset %}{{ y | length }}", "{{ n.s >= n.t }}", "{{ raise_exception(n.s) }}",
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    start=st.sampled_from(["['x']", "('x',)", "'x'", "{'x': 'x'}"]),
    growth=st.lists(st.sampled_from(GROWTH), min_size=1, max_size=3),
    use=st.sampled_from(USES),
)
def test_nothing_grows_without_end(start: str, growth: list[str], use: str) -> None:
    steps = "".join(
        f"{{% set x = n.{name} %}}{{% set n.{name} = {step} %}}"
        for step in growth
        for name in ("s", "t")
    )
    text = (
        "{% macro both() %}{% set m.v = varargs %}{% endmacro %}"
        f"{{% set m = namespace(v=1) %}}{{% set n = namespace(s={start}, t={start}) %}}"
        f"{{% for i in range(60) %}}{steps}{{% endfor %}}{use}"
    )
    begin = time.monotonic()
    try:
        size = len(render(text))
    except ChatTemplateError:
        size = 0
    assert time.monotonic() - begin < MAX_SECONDS + 2
    assert size < 33_000_000


@pytest.mark.parametrize(
    "bomb",
    [
        "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = '%s%s' % (n.s, n.s) %}{% endfor %}",
        "{% set n = namespace(s=['x']) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}",
        "{% set n = namespace(s='\"') %}{% for i in range(60) %}{% set n.s = n.s | tojson %}{% endfor %}",
        "{{ [1, 2] | tojson(indent='x' * 99999) }}",
        "{{ [1, 2] | tojson(separators=('x' * 99999, ':')) }}",
        "{{ 5 | round(-999999999) }}",
        "{{ 5 | round(999999999, 'ceil') }}",
        "{{ range(99999) | map('string') | map('list') | sum(start=[]) }}",
        "{{ ('ab ' * 9999999).split() | length }}",
        "{{ ('\t' * 9999).expandtabs(99999999) }}",
        "{{ ('a' * 30000).split('a') | map('center', 9999) | join | length }}",
        "{{ 'x' | center(99999999) }}",
        "{{ [1] | batch(99999999, 0) | list }}",
        "{{ [1] | slice(99999999) | list }}",
        "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
        "{% set n = namespace() %}{% for i in range(9999) %}{% set y %}"
        + "t" * 200_000
        + "{% endset %}{% set n.l = [y, n.l] %}{% endfor %}",
        "{% macro m() %}{% for i in range(99999) %}"
        + "t" * 200_000
        + "{% endfor %}{% endmacro %}{{ m() | length }}",
        "{{ ('a' * 4000000).rfind('ab' ~ 'a' * 1000000) }}",
        "{{ ('a' * 4000000).rsplit('ab' ~ 'a' * 1000000) | length }}",
        "{{ ('a' * 4000000).strip('b' * 4000000 ~ 'a') | length }}",
        "{{ ('a' * 4000000) | trim('b' * 4000000 ~ 'a') | length }}",
        "{% set x = 'a' * 8000000 %}{% set y = 'aa' * 4000000 %}{{ ([x] * 1000000).count(y) }}",
        "{% set x = 'f' * 4000000 %}{{ (x | int(base=16)) // (x | int(base=16)) }}",
        "{{ 0x" + "f" * 2000 + " }}",
        "{{ 'x'.encode() }}",
        "{{ (('{0}' * 40000).format('a' * 30000)) | length }}",
        "{% set n = namespace(s='a' * 30000) %}{{ (('{0.s}' * 40000).format(n)) | length }}",
        "{% set n = namespace(l=1) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ '{0.l!r}'.format(n) | length }}",
        "{% set n = namespace() %}{% macro m() %}{% set n.l = varargs %}{% endmacro %}{{ m(*([1] * 100000)) }}{{ '%999d' * 100000 % n.l }}",
        "{{ ('<!---->' * 300000) | striptags | length }}",
        "{{ ('<!---->' * 300000 | safe).striptags() | length }}",
        "{{ ('a' * 3000000) | wordwrap(1) | length }}",
        "{{ ('a\r' * 300000) | indent(9999) | length }}",
        "{{ ('x' * 90000).join({}.fromkeys(range(99999), 'a').values()) | length }}",
        "{% set n = namespace(l=[1] * 100000) %}{% for i in range(300) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l | tojson(indent=16) | length }}",
        "{{ strftime_now('%c' * 400000) | length }}",
        "{{ namespace(__class__=1) }}",
        "{% set n = namespace() %}{% set n._x = 1 %}",
    ],
)
def test_a_bomb_is_refused_soon(bomb: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ChatTemplateError):
        render(bomb)
    assert time.monotonic() - begin < MAX_SECONDS + 2


# Each is repeated or searched for in a way that Jinja or Python does without asking anybody.
KEPT = (
    "x[i:]", "x.partition('b')", "x.rpartition('b')", "x | list", "x | batch(3) | list",
    "x | map(attribute='y') | list", "x.splitlines()", "[x][0][i:]", "x | slice(2) | list",
    "[" + "1, " * 2000 + "]", "(" + "1, " * 2000 + ")", "[1] | batch(9999, 0) | list",
    "[1] | slice(9999, 0) | list", "dict(d)", "'" + "t" * 20_000 + "' ~ 'x'", "both(*w)", "w[i:]",
    "{}.fromkeys(w, 1)", "x | safe", "x.upper()", "x | sort", "x.removeprefix('b')",
)  # fmt: skip
SLOW = (
    "'ba' in x", "'ba' not in x", "'ba' is in x", "x.find('ba') == 1", "x.count('ba') == 1",
    "x == y", "d[y]", "x.isalpha()", "x.rfind('ba')", "'b' in w", "w.count('b') == 1",
)  # fmt: skip


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_kept_takes_little_memory(kept: str) -> None:
    text = (
        "{% macro both() %}{% set n.v = varargs %}{% endmacro %}"
        "{% set n = namespace(l=[], v=1) %}{% set x = 'ab\u4e2d\n' * 300000 %}{% set w = [1] * 300000 %}"
        "{% set d = {}.fromkeys(range(20000)) %}"
        f"{{% for i in range(20000) %}}{{% set n.l = [{kept}, n.l, n.v] %}}{{% endfor %}}"
    )
    source = TemplateSource(text, bos_token="", eos_token="")
    tracemalloc.start()
    try:
        with pytest.raises(ChatTemplateError, match="too"):
            source.render({"messages": []}, seconds=0.5)
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("slow", SLOW)
def test_what_is_only_read_ends_with_its_time(slow: str) -> None:
    text = (
        "{% set x = 'a' * 15000000 %}{% set y = 'aa' * 7500000 %}{% set d = {x: 1} %}"
        "{% set w = [1] * 100000 %}" + f"{{% if {slow} %}}{{% endif %}}" * 1500
    )
    source = TemplateSource(text, bos_token="", eos_token="")
    begin = time.monotonic()
    with pytest.raises(ChatTemplateError, match="too"):
        source.render({"messages": []}, seconds=0.1)
    assert time.monotonic() - begin < 1


def test_a_template_that_is_slow_to_read_is_slow_to_load_only_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "{% set x = 'a' * 15000000 %}" + "{% if 'ba' in x %}{% endif %}" * 400 + CHATML
    monkeypatch.setattr(template_probe, "MAX_SECONDS", 0.5)
    begin = time.monotonic()
    with pytest.raises(ChatTemplateError, match="too long"):
        ChatTemplate(text, bos_token="", eos_token="")
    assert time.monotonic() - begin < 2


def test_what_a_template_says_when_it_refuses_is_cut() -> None:
    with pytest.raises(ChatTemplateError) as refused:
        render("{{ raise_exception('x' * 9000000) }}")
    assert len(str(refused.value)) < 2000


def test_work_that_makes_nothing_ends_with_its_time() -> None:
    text = "{% set s = 'x' * 8000000 %}{% for i in range(99999) %}{% set y = s.count('y') %}{% endfor %}"
    source = TemplateSource(text, bos_token="", eos_token="")
    begin = time.monotonic()
    with pytest.raises(ChatTemplateError, match="too long"):
        source.render({"messages": []}, seconds=0.1)
    assert time.monotonic() - begin < MAX_SECONDS


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ ['b', 'a'] | sort | join(d='-') }}", "a-b"),
        ("{{ [{'f': {'n': 'x'}}, {'f': {'n': 'y'}}] | join(',', attribute='f.n') }}", "x,y"),
        ("{{ [{'n': 1}, {'n': 2}] | sum(attribute='n') }}{{ [1.5, 2] | sum }}", "33.5"),
        ("{{ '%s=%03d' | format('a', 7) }}{{ 'x' | center(3) }}|{{ 'x'.ljust(3) }}|", "a=007 x |x  |"),
        ("{{ 'a\nb' | indent(2) }}{{ 'a\nb' | indent('> ', first=true) }}", "a\n  b> a\n> b"),
        ("{{ 2.345 | round(1) }}{{ 7 | round(0, 'ceil') | int }}", "2.37"),
        ("{% for row in [1, 2, 3] | batch(2, 0) %}{{ row }}{% endfor %}", "[1, 2][3, 0]"),
        ("{{ 'a\tb'.expandtabs(4) }}{{ 'a b'.split() }}{{ 'a,b'.split(',', 1) }}", "a   b['a', 'b']['a', 'b']"),
        ("{% set a = [1] %}{{ a == [1] }}{{ a in [[1]] }}{{ messages == [] }}", "TrueTrueFalse"),
        ("{% set n = namespace(self=1, b=[]) %}{% set n.b = n.b + [2] %}{{ n.b }}", "[2]"),
        ("{% for m in [1, 2] %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.changed(m) }}{% endfor %}", "2True1True"),
        ("{{ messages is sequence and messages is iterable and messages[0] is mapping }}", "True"),
        ("{% for m in messages | selectattr('role', 'equalto', 'user') | rejectattr('x', 'defined') %}{{ m.content }}{% endfor %}", "Hi"),
        ("{{ [1, 2, 3] | select('in', [1, 3]) | list }}{{ 5 is divisibleby 5 }}{{ 'a' is lower }}", "[1, 3]TrueTrue"),
        ("{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}", "21"),
        ("{{ {'b': 1, 'a': [1]} | tojson(sort_keys=true, separators=(',', ':')) }}", '{"a":[1],"b":1}'),
        ("{{ 'x' in 'xy' }}{{ 'x' not in ['x'] }}{{ messages[0]['content'][::-1] }}{{ messages[-1:] | length }}", "TrueFalseiH1"),
        ("{{ '{:>3}{a}'.format(7, a='b') }}{{ '{x[0]}'.format_map({'x': [5]}) }}{{ 'a-b'.rsplit('-', 1) }}", "  7b5['a', 'b']"),
        ("{% set t = (1, 2) %}{{ t }}{% for a, b in [t] %}{{ a + b - 4 }}{{ b // a }}{% endfor %}", "(1, 2)-12"),
        ("{{ 'cab' | sort | join }}{{ 'abc' | batch(2) | list }}{{ {'b': 1} | list }}{{ ' x ' | trim }}", "abc[['a', 'b'], ['c']]['b']x"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}{{ {'a': 1} | dictsort }}", "a1[('a', 1)]"),
    ],
)  # fmt: skip
def test_what_templates_use_works(text: str, rendered: str) -> None:
    assert render(text) == rendered
