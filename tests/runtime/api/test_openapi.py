"""The document: complete, sound, and true of the routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from llamapack_runtime.api.dialects import ROUTES
from llamapack_runtime.api.openapi.document import OPERATIONS, build, documented_path
from llamapack_runtime.api.openapi.examples import BASE, EXAMPLES
from llamapack_runtime.api.openapi.operation import Operation

DOCUMENT = build("Test pack", "1.2.3")
METHODS = {"get", "post", "patch", "delete"}
ALL = [(one, path) for one in OPERATIONS for path in one.paths]


def routes() -> set[tuple[str, str]]:
    found = set()
    for route in ROUTES:
        assert isinstance(route, Route), f"{route} cannot be described"
        found |= {(method, route.path) for method in (route.methods or set()) - {"HEAD"}}
    return found


def test_every_route_is_described_and_nothing_else() -> None:
    """A new route needs an entry in one of the tables in api/openapi."""
    described = [pair for one in OPERATIONS for pair in one.routes]
    assert len(described) == len(set(described))
    assert set(described) == routes()


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects inside, the value too."""
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from objects(one)


def target(reference: str) -> Any:
    found: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_every_reference_leads_somewhere() -> None:
    references = [one["$ref"] for one in objects(DOCUMENT) if isinstance(one.get("$ref"), str)]
    assert len(references) > 100
    assert all(target(one) for one in references)


def test_every_component_is_used() -> None:
    used = {one["$ref"] for one in objects(DOCUMENT) if isinstance(one.get("$ref"), str)}
    for kind in ("schemas", "responses"):
        for name in DOCUMENT["components"][kind]:
            assert f"#/components/{kind}/{name}" in used


def test_it_has_the_shape_of_openapi() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    operations = [one[name] for one in DOCUMENT["paths"].values() for name in one]
    ids = [one["operationId"] for one in operations]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for path, item in DOCUMENT["paths"].items():
        assert set(item) <= METHODS
        for one in item.values():
            assert set(one["tags"]) <= tags
            assert one["summary"]
            assert all(status.isdigit() for status in one["responses"])
            names = {each["name"] for each in one.get("parameters", []) if each["in"] == "path"}
            assert names == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_every_parameter_has_a_meaning() -> None:
    """A new one needs a line in api/openapi/fields.py."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if not name.startswith("Error"):
            unexplained = [
                field
                for field, it in schema.get("properties", {}).items()
                if "description" not in it
            ]
            assert unexplained == [], name


def test_it_is_served_with_the_address_that_was_asked(client: TestClient) -> None:
    reply = client.get("/openapi.json", headers={"Host": "127.0.0.1:8080"})
    assert reply.headers["content-type"] == "application/json"
    assert "http://127.0.0.1:8080/v1/models" in reply.text
    assert BASE not in reply.text
    assert reply.json()["servers"] == [{"url": "http://127.0.0.1:8080"}]
    assert client.get("/openapi.json").json() == DOCUMENT


def test_every_example_belongs_to_an_operation() -> None:
    assert set(EXAMPLES) <= {one.paths[0] for one in OPERATIONS}


def test_docs_lead_to_the_page(client: TestClient) -> None:
    reply = client.get("/docs")
    assert (reply.status_code, reply.headers["location"]) == (307, "docs.html")


@pytest.mark.parametrize(("operation", "path"), ALL, ids=[f"{o.method} {p}" for o, p in ALL])
def test_refusals_are_as_documented(
    client: TestClient, loading_client: TestClient, operation: Operation, path: str
) -> None:
    """Not ready, of a body that is none, of a name that is not ours."""
    documented = DOCUMENT["paths"][documented_path(path)][operation.method]["responses"]
    asked = path.replace("{name:path}", "x").replace("{digest}", "x").replace("{number}", "0")
    for reply in (
        client.request(operation.method, asked, content=b"{", headers={"Host": "evil.example"}),
        client.request(operation.method, asked, content=b"{"),
        loading_client.request(operation.method, asked, json={}),
    ):
        assert str(reply.status_code) in documented
        if reply.status_code >= 400:
            response = target(documented[str(reply.status_code)]["$ref"])
            body = response["content"]["application/json"]
            assert set(target(body["schema"]["$ref"])["required"]) <= set(reply.json())
            assert type(reply.json()["error"]) is type(body["example"]["error"])
