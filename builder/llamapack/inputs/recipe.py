"""What Ollama keeps beside a model's weights, and what a pack makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.gguf_files.model import GgufModel
from llamapack.inputs.found import AdapterFile, Found
from llamapack.inputs.go_template import TemplateProblem, to_jinja
from llamapack.inputs.parameters import settings_of
from llamapack.inputs.said import Said

ROLES = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class Message:
    """One of those that every conversation begins with."""

    role: str
    text: Said


@dataclass(frozen=True, slots=True)
class Recipe:
    template: Said | None = None
    system: Said | None = None
    parameters: tuple[tuple[str, Said], ...] = ()
    messages: tuple[Message, ...] = ()
    licenses: tuple[str, ...] = ()
    adapters: tuple[Path, ...] = ()
    projectors: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    def with_all(self, later: Recipe) -> Recipe:
        """What `later` says wins; licences and adapters add up."""
        return Recipe(
            template=later.template or self.template,
            system=later.system or self.system,
            parameters=_overridden(self.parameters, later.parameters),
            messages=later.messages or self.messages,
            licenses=(*self.licenses, *later.licenses),
            adapters=(*self.adapters, *later.adapters),
            projectors=(*self.projectors, *later.projectors),
            warnings=(*self.warnings, *later.warnings),
        )


def found_of(gguf: GgufModel, stem: str, recipe: Recipe) -> Found:
    """Raises ModelError and SettingError that say where the trouble stands."""
    settings, warnings = settings_of(recipe.parameters)
    notes: list[str] = []
    system, messages = _system(recipe)
    if system is not None:
        settings["system-prompt"] = system.text
    if messages:
        settings["opening-messages"] = _messages_json(messages)
    if recipe.template is not None and recipe.template.text.strip():
        if gguf.header.chat_template:
            notes.append(
                f"{recipe.template.at_start} is left out: {gguf.name} has a chat template."
            )
        else:
            settings["chat-template"] = _jinja(recipe.template)
    return Found(
        gguf=gguf,
        stem=stem,
        settings=settings,
        adapters=_adapters(recipe.adapters),
        projector=recipe.projectors[0] if recipe.projectors else None,
        license="\n\n".join(text.strip("\n") for text in recipe.licenses) or None,
        notes=tuple(notes),
        warnings=(*recipe.warnings, *warnings),
    )


def _overridden(
    earlier: Sequence[tuple[str, Said]], later: Sequence[tuple[str, Said]]
) -> tuple[tuple[str, Said], ...]:
    names = {name for name, _ in later}
    return (*(pair for pair in earlier if pair[0] not in names), *later)


def _system(recipe: Recipe) -> tuple[Said | None, Sequence[Message]]:
    """The system prompt, which may be the first message, and the messages without it."""
    system, messages = recipe.system, recipe.messages
    if messages and messages[0].role == "system" and system is None:
        system, messages = messages[0].text, messages[1:]
    return (system if system is not None and system.text.strip() else None), messages


def _messages_json(messages: Sequence[Message]) -> str:
    for message in messages:
        if message.role not in ROLES:
            raise ModelError(
                f"{message.text.at_start} has the role '{message.role}'; behind the system prompt "
                f"there are {' and '.join(ROLES)}."
            )
    raw = [{"role": message.role, "content": message.text.text} for message in messages]
    return json.dumps(raw, ensure_ascii=False)


def _jinja(template: Said) -> str:
    try:
        return to_jinja(template.text)
    except TemplateProblem as problem:
        raise ModelError(
            f"{template.at_start} cannot become the chat template that the model lacks: {problem}. "
            "Use a GGUF that has a chat template of its own, or give one: "
            "--set chat-template=chatml"
        ) from problem


def _adapters(paths: Sequence[Path]) -> tuple[AdapterFile, ...]:
    names = [f"adapter-{number}" for number in range(1, len(paths) + 1)]
    if len(paths) == 1:
        names = ["adapter"]
    return tuple(AdapterFile(name, path) for name, path in zip(names, paths, strict=True))
