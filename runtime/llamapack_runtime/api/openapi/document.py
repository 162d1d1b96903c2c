"""The OpenAPI document: from the tables of operations and the structs of the requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from llamapack_runtime.api.neutral import Neutral
from llamapack_runtime.api.openapi import (
    anthropic,
    chats,
    errors,
    llamacpp,
    ollama,
    openai,
    program,
    tgi,
)
from llamapack_runtime.api.openapi.examples import BASE, EXAMPLES
from llamapack_runtime.api.openapi.fields import MEANINGS
from llamapack_runtime.api.openapi.operation import Operation

Json = dict[str, Any]
OPERATIONS: tuple[Operation, ...] = (
    *openai.OPERATIONS,
    *anthropic.OPERATIONS,
    *ollama.OPERATIONS,
    *llamacpp.OPERATIONS,
    *tgi.OPERATIONS,
    *chats.OPERATIONS,
    *program.OPERATIONS,
)
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_KEYS: Json = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


def build(name: str, version: str) -> Json:
    """`name` is the pack's. The address in it is `examples.BASE`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{name}: the API",
            "version": version,
            "description": "A model on this computer, in the words of several well-known APIs.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": BASE}],
        # The first one: a program on a loopback address may ask for no key.
        "security": [{}, *({name: []} for name in _KEYS)],
        "tags": [{"name": name} for name in dict.fromkeys(one.dialect for one in OPERATIONS)],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "responses": dict(_refusals()),
            "securitySchemes": _KEYS,
        },
    }


def documented_path(path: str) -> str:
    """ "/v1/models/{name:path}" -> "/v1/models/{name}"."""
    return _PARAMETER.sub(r"{\1}", path)


def _paths() -> Json:
    paths: Json = {}
    for operation in OPERATIONS:
        for path in operation.paths:
            item = paths.setdefault(documented_path(path), {})
            item[operation.method] = _operation(operation, path)
    return paths


def _operation(operation: Operation, path: str) -> Json:
    words = re.sub(r"[^a-z0-9]+", "_", documented_path(path).lower()).strip("_")
    found: Json = {
        "operationId": f"{operation.method}_{words}",
        "tags": [operation.dialect],
        "summary": operation.summary,
        "responses": _responses(operation, path),
    }
    if path != operation.paths[0]:
        found["x-alias-of"] = documented_path(operation.paths[0])
    if path in EXAMPLES:
        found["x-codeSamples"] = [
            {"lang": one.language, "label": one.label, "source": one.source}
            for one in EXAMPLES[path]
        ]
    if operation.description:
        found["description"] = operation.description
    parameters = [*_path_parameters(path), *map(_query_parameter, operation.parameters)]
    if parameters:
        found["parameters"] = parameters
    if operation.request is not None:
        schema = _request_schema(operation)
        content = {"application/json": {"schema": schema}}
        found["requestBody"] = {"required": True, "content": content}
    if operation.body is not None:
        schema = {"type": "string", "format": "binary", "description": "The bytes as they are."}
        found["requestBody"] = {"required": True, "content": {operation.body: {"schema": schema}}}
    return found


def _responses(operation: Operation, path: str) -> Json:
    found: Json = {}
    if operation.status is not None:
        found[str(operation.status)] = _success(operation)
    for status in operation.all_refusals:
        found[str(status)] = errors.reference(path, status)
    return found


def _success(operation: Operation) -> Json:
    if operation.status == 204:
        return {"description": "Done"}
    if not operation.media_types:
        return {"description": "Elsewhere", "headers": {"Location": {"schema": {"type": "string"}}}}
    reply = operation.reply
    schema: Json = reply if isinstance(reply, dict) else {"type": "object", "required": [*reply]}
    content: Json = {one: {"schema": schema} for one in operation.media_types}
    if operation.stream is not None:
        content[operation.stream] = {"schema": {}}  # no words for the items of a row before 3.2
    return {"description": "Done", "content": content}


def _path_parameters(path: str) -> Iterator[Json]:
    for match in _PARAMETER.finditer(path):
        schema = {"type": "string", "minLength": 1}
        yield {"name": match[1], "in": "path", "required": True, "schema": schema}


def _query_parameter(parameter: tuple[str, str]) -> Json:
    name, meaning = parameter
    return {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}


def _request_schema(operation: Operation) -> Json:
    if isinstance(operation.request, type) and issubclass(operation.request, msgspec.Struct):
        return {"$ref": f"#/components/schemas/{operation.dialect}.{operation.request.__name__}"}
    schema: Json = msgspec.json.schema(operation.request)
    return schema


def _schemas() -> Json:
    found = dict(errors.SCHEMAS)
    for dialect in dict.fromkeys(one.dialect for one in OPERATIONS):
        requests = [one for one in OPERATIONS if one.dialect == dialect and one.request is not None]
        _, components = msgspec.json.schema_components(
            [one.request for one in requests],
            ref_template=f"#/components/schemas/{dialect}.{{name}}",
        )
        for one in requests:
            if getattr(one.request, "__name__", "") in components:
                components[one.request.__name__]["properties"] |= _neutral(one.neutral or {})
        found |= {f"{dialect}.{name}": _with_meanings(it) for name, it in components.items()}
    return found


def _neutral(table: Neutral) -> Json:
    """Parameters that clients send by habit; other values are refused."""
    return {
        name: {"enum": [*values], "description": "Only such values, which ask for nothing."}
        for name, values in table.items()
        if len(values) <= 16
    }


def _with_meanings(schema: Json) -> Json:
    for name, field in schema.get("properties", {}).items():
        if name in MEANINGS:
            field.setdefault("description", MEANINGS[name])
    return schema


def _refusals() -> Iterator[tuple[str, Json]]:
    for operation in OPERATIONS:
        for path in operation.paths:
            for status in operation.all_refusals:
                yield errors.response(path, status)
