# ruff: noqa: E501  # a template is easier to read in one line
from __future__ import annotations

import time

import pytest

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.sandbox import MAX_SECONDS
from llamapack_runtime.chat.template import CHATML, MAX_TEMPLATE_CHARACTERS, ChatTemplate
from llamapack_runtime.chat.types import Message

USER = [Message("user", "Hello")]
SHOW = "{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}"
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}[{{ m.role }}:{{ m.content }}]{% endfor %}"
)


def template(source: str) -> ChatTemplate:
    return ChatTemplate(source, bos_token="<s>", eos_token="</s>")


def render(source: str, messages: list[Message] | None = None) -> str:
    return template(source).render(USER if messages is None else messages)


def test_chatml() -> None:
    messages = [Message("system", "Be kind."), Message("user", " Hi \n")]
    assert render(CHATML, messages) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n"
        "<|im_start|>user\n Hi \n<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_the_generation_prompt_can_be_left_out() -> None:
    text = template(CHATML).render(USER, add_generation_prompt=False)
    assert text == "<|im_start|>user\nHello<|im_end|>\n"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "<s>Hello</s>"),
        ("{{ messages[0]['content'] | trim }}\n  {% if true %}\nx\n  {% endif %}\n", "Hello\nx\n"),
        ("{% for m in messages %}{{ m.content }}{% break %}{% endfor %}", "Hello"),
        ('{{ messages[0].content }}{{ {"ä": "<b>", "n": [1]} | tojson }}', 'Hello{"ä": "<b>", "n": [1]}'),
        ('{{ messages[0].content }}{{ [1] | tojson(indent=2) }}', "Hello[\n  1\n]"),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}", "Hello"),
        ("{{ messages[0].content }}{{ strftime_now('%%') }}", "Hello%"),
        ("{% set ns = namespace(n=1) %}{% set ns.n = ns.n + 1 %}{{ messages[0].content }}{{ ns.n }}", "Hello2"),
        ("{% macro say(x) %}<{{ x }}>{% endmacro %}{{ say(messages[0].content) }}", "<Hello>"),
        ("{{ messages | map(attribute='content') | join(', ') | upper | replace('L', 'l') }}x{{ messages[0].content }}", "HEllOxHello"),
        ("{{ messages[0].content.split('l')[0] ~ '-' ~ messages[0].content }}", "He-Hello"),
        ("{% for k, v in messages[0].items() | list %}{{ k }}={{ v }};{% endfor %}", "role=user;content=Hello;"),
        ("{{ messages[0].content }}{{ messages[-1:] | length }}{{ tools is none }}", "Hello1True"),
        ("{{ '%s: %s in 2024' % (messages[0].role, messages[0].content) }}", "user: Hello in 2024"),
        ("{{ '{}: {} in 2024'.format(messages[0].role, messages[0].content) }}", "user: Hello in 2024"),
        ("{{ ', '.join(messages | map(attribute='content')) }}", "Hello"),
        ("{% if messages[0].content is string and tools is not defined or true %}{{ messages[0].content }}{% endif %}", "Hello"),
    ],
)  # fmt: skip
def test_templates_get_what_hugging_face_offers(source: str, text: str) -> None:
    assert render(source) == text


def test_a_name_is_passed_on() -> None:
    source = "{{ messages[0].name }}{{ messages[0].content }}"
    assert render(source, [Message("user", "Hi", name="Ann")]) == "AnnHi"


def test_developer_becomes_system_where_the_template_does_not_know_it() -> None:
    messages = [Message("developer", "D"), *USER]
    assert render(SHOW, messages) == "[system:D][user:Hello]"
    knows = SHOW + "{# developer #}"
    assert render(knows, messages) == "[developer:D][user:Hello]"


def test_a_system_message_opens_the_first_user_message_where_there_is_no_such_role() -> None:
    messages = [Message("system", "S"), *USER, Message("assistant", "A"), *USER]
    assert render(NO_SYSTEM, messages) == "[user:S\n\nHello][assistant:A][user:Hello]"


def test_a_template_that_drops_the_system_message_does_not_lose_it() -> None:
    source = SHOW.replace(
        "{% for m in messages %}", "{% for m in messages if m.role != 'system' %}"
    )
    assert "S\n\nHello" in render(source, [Message("system", "S"), *USER])


def test_a_system_message_alone_becomes_a_user_message() -> None:
    assert render(NO_SYSTEM, [Message("system", "S")]) == "[user:S]"


def test_content_in_parts_for_templates_that_want_it() -> None:
    source = "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"
    assert render(source) == "Hello"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{% for m in messages %}", "syntax error in line 1"),
        ("one\n{{ ", "line 2"),
        ("nothing of what the user says", "does not show"),
        ("x" * (MAX_TEMPLATE_CHARACTERS + 1), str(MAX_TEMPLATE_CHARACTERS)),
        ("{{ messages[0].nothing.at_all }}", "nothing"),
        ("{{ raise_exception('Only in Latin!') }}", "Only in Latin!"),
        ("{{ 1 / 0 }}", "zero"),
        ("{% include 'other' %}", "refused"),
        ("{{" + "(" * 5000 + "1" + ")" * 5000 + "}}", "cannot be compiled"),
    ],
)
def test_an_unusable_template_is_refused_when_it_is_opened(source: str, words: str) -> None:
    with pytest.raises(ChatTemplateError, match=words.replace("(", r"\(")):
        template(source)


def test_a_template_may_refuse_messages_in_its_own_words() -> None:
    source = (
        SHOW + "{% if messages | length > 1 %}{{ raise_exception('One at a time.') }}{% endif %}"
    )
    with pytest.raises(ChatTemplateError, match="One at a time"):
        render(source, USER + USER + USER)


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ raise_exception.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ '{0.__class__}'.format(1) }}",
    ],
)
def test_templates_do_not_reach_pythons_insides(attack: str) -> None:
    opened = template(
        "{{ messages[0].content }}{% if messages[0].content == 'go' %}" + attack + "{% endif %}"
    )
    try:
        text = opened.render([Message("user", "go")])
    except ChatTemplateError:
        return
    assert text == "go"


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in 'x' * 9999 %}{% for b in 'x' * 9999 %}{% for c in 'x' * 9999 %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ 'x' * 9999999999 }}",
        "{{ [1] * 9999999999 }}",
        "{{ 9 ** (9 ** 9) }}",
        "{% set n = namespace(x=9) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '{:9999999999}'.format(1) }}",
        "{{ '{:{}}'.format(1, 9999999999) }}",
        "{{ '%*d' % (9999999999, 1) }}",
        "{{ 'x'.ljust(9999999999) }}",
        "{{ 'x' | center(9999999999) }}",
        "{{ 'x' | indent(9999999999) }}",
        "{{ [1] | tojson(indent=9999999999) }}",
        "{{ ('x' * 99999) | replace('x', 'x' * 99999) }}",
        "{{ ('x' * 99999).replace('x', 'x' * 99999) }}",
        "{{ ('x' * 99999).join('x' * 99999) }}",
        "{{ range(99999) | join('x' * 99999) }}",
        "{% set n = namespace(s='xxxxxxxxxx') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% set n = namespace(s='xxxxxxxxxx') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% set n = namespace(s='xxxxxxxxxx') %}{% for i in range(99) %}{% set x %}{{ n.s }}{{ n.s }}{% endset %}{% set n.s = x %}{% endfor %}",
        "{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}",
        "{% for x in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
        "{{ range(99999) | map('string') | list | map('replace', '1', 'x' * 99999) | list | length }}",
        "{{ lipsum(n=9999999) }}",
    ],
)  # fmt: skip
def test_a_hostile_template_is_stopped_soon(bomb: str) -> None:
    opened = template(
        "{{ messages[0].content }}{% if messages[0].content == 'go' %}" + bomb + "{% endif %}"
    )
    begin = time.monotonic()
    with pytest.raises(ChatTemplateError):
        opened.render([Message("user", "go")])
    assert time.monotonic() - begin < MAX_SECONDS + 2


def test_one_rendering_does_not_spend_the_budget_of_the_next() -> None:
    opened = template(SHOW)
    long = [Message("user", "x" * 3_000_000)]
    assert {len(opened.render(long)) for _ in range(20)} == {3_000_007}
