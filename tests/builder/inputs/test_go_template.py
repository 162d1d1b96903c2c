"""Ollama's templates as Jinja: what they write for a conversation is what Ollama writes."""

from __future__ import annotations

import pytest

from llamapack.inputs.go_template import TemplateProblem, to_jinja
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Message

CHATML = (
    "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}"
    "{{ if .Prompt }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n{{ .Response }}<|im_end|>\n"
)
CHATML_MESSAGES = (
    "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n"
)
MISTRAL = "[INST] {{ if .System }}{{ .System }} {{ end }}{{ .Prompt }} [/INST]"
LLAMA3 = (
    "{{ if .System }}<|start_header_id|>system<|end_header_id|>\n\n{{ .System }}<|eot_id|>{{ end }}"
    "{{ if .Prompt }}<|start_header_id|>user<|end_header_id|>\n\n{{ .Prompt }}<|eot_id|>{{ end }}"
    "<|start_header_id|>assistant<|end_header_id|>\n\n{{ .Response }}<|eot_id|>"
)
# As the newer ones of Ollama's library are written, without their tools.
LAST = (
    "{{- if .System }}<s>{{ .System }}</s>\n{{ end }}\n"
    "{{- range $i, $_ := .Messages }}\n"
    "{{- $last := eq (len (slice $.Messages $i)) 1 }}\n"
    '{{- if eq .Role "user" }}<u>{{ .Content }}</u>\n'
    '{{- else if eq .Role "assistant" }}<a>{{ .Content }}{{ if not $last }}</a>{{ end }}\n'
    "{{- end }}\n"
    '{{- if and $last (ne .Role "assistant") }}<a>{{ end }}\n'
    "{{- end }}"
)
TALK = [
    Message("system", "Be kind."),
    Message("user", "Hello {{ x }}"),
    Message("assistant", 'Hi "you"!'),
    Message("user", "Bye."),
]


def written(template: str, messages: list[Message], *, asks: bool = True) -> str:
    found = ChatTemplate(to_jinja(template), bos_token="", eos_token="")
    return found.render(messages, add_generation_prompt=asks)


@pytest.mark.parametrize("template", [CHATML, CHATML_MESSAGES])
def test_both_forms_of_chatml(template: str) -> None:
    expected = (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello {{ x }}<|im_end|>\n"
        '<|im_start|>assistant\nHi "you"!<|im_end|>\n<|im_start|>user\nBye.<|im_end|>\n'
    )
    assert written(template, TALK) == expected + "<|im_start|>assistant\n"


def test_a_whole_conversation_ends_with_its_answer() -> None:
    assert written(CHATML, TALK[:3], asks=False).endswith('Hi "you"!<|im_end|>\n')
    assert written(CHATML_MESSAGES, TALK[:3], asks=False).endswith('Hi "you"!<|im_end|>\n')


def test_a_template_without_a_response_is_continued_by_it() -> None:
    assert written(MISTRAL, TALK[1:]) == '[INST] Hello {{ x }} [/INST]Hi "you"![INST] Bye. [/INST]'
    assert written(MISTRAL, TALK[:2]) == "[INST] Be kind. Hello {{ x }} [/INST]"


def test_llama_3() -> None:
    head = "<|start_header_id|>{}<|end_header_id|>\n\n"
    assert written(LLAMA3, TALK[:2]) == (
        f"{head.format('system')}Be kind.<|eot_id|>{head.format('user')}Hello {{{{ x }}}}<|eot_id|>"
        f"{head.format('assistant')}"
    )


def test_variables_and_slices() -> None:
    assert (
        written(LAST, TALK) == '<s>Be kind.</s>\n<u>Hello {{ x }}</u><a>Hi "you"!</a><u>Bye.</u><a>'
    )
    assert written(LAST, TALK[:3]).endswith('<a>Hi "you"!')


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a  {{- .Prompt -}}  b{{ .Response }}", "aBye.b"),
        ("{{/* a note */}}{{ .Prompt }}{% x %}{# y #}\u00e9\U0001f600", "Bye.{% x %}{# y #}é😀"),
        (
            '{{ .Prompt }}{{ "quoted \\"text\\"" }}{{ `raw` }}{{ .Response }}',
            'Bye.quoted "text"raw',
        ),
        ("{{ .Prompt }}{{ if or .System .Prompt }}y{{ else }}n{{ end }}{{ .Response }}", "Bye.y"),
        ("{{ if (and .System .Prompt) }}y{{ else if .Prompt }}{{ .Prompt }}{{ end }}", "Bye."),
        ("{{ .Prompt }}{{ if .Response }}{{ .Response }}<end>{{ end }}", "Bye."),
    ],
)
def test_small_ones(template: str, text: str) -> None:
    assert written(template, [Message("user", "Bye.")]) == text


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ range .Tools }}{{ . }}{{ end }}{{ .Response }}", "'{{ range .Tools }}'"),
        ("{{ if .Tools }}x{{ end }}{{ .Response }}", ".Tools in '{{ if .Tools }}'"),
        ("{{ json .Messages }}", "'{{ json .Messages }}'"),
        ("{{ .Prompt | trim }}", "'{{ .Prompt | trim }}'"),
        ('{{ template "x" }}', "'{{ template"),
        ("{{ .Prompt", "a '{{' without its '}}'"),
        ("{{ if .Prompt }}x", "an 'if' without its 'end'"),
        ("{{ .Prompt }}{{ end }}", "'{{ end }}'"),
        ("{{ if .Prompt }}{{ .Prompt }}{{ .Response }}{{ end }}", ".Response stands in an 'if'"),
        ("{{ range .Messages }}{{ .ToolCalls }}{{ end }}", ".ToolCalls"),
        ("{{ $x = 1 }}", "'{{ $x = 1 }}'"),
        ("{{ if " + "(" * 100 + ".Prompt }}", "too deep"),
        ("{{ if .Prompt }}" * 200, "too deep"),
        ("{{ .Prompt }}" * 3000, "more than 2,000 actions"),
        ("Hello{{ .Response }}", "does not show what the user says"),
        ("{{ £ }}", "'{{ £ }}'"),
        ("".join(f"{{{{ $a{n + 1} := and $a{n} $a{n} }}}}" for n in range(99)), "$a0"),
        (
            "{{ $a0 := .Prompt }}"
            + "".join(f"{{{{ $a{n + 1} := and $a{n} $a{n} }}}}" for n in range(99)),
            "'{{ $a",
        ),
    ],
)
def test_what_cannot_be_translated_is_named(template: str, named: str) -> None:
    with pytest.raises(TemplateProblem) as caught:
        to_jinja(template)
    assert named in str(caught.value)
    assert len(str(caught.value)) < 200
