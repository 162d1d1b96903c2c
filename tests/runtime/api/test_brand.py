"""What the page is told of the packer's wishes, and the logo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.service import Service
from llamapack_runtime.keys import ApiKey
from llamapack_runtime.pack import Brand
from llamapack_runtime.pack.brand import LANGUAGES
from llamapack_runtime.pack.logo import Logo
from runtime.api.clients import KEY, make_client

WEB = Path(__file__).resolve().parents[3] / "templates" / "web"
NOTHING: dict[str, object] = {
    "title": None,
    "color": None,
    "logo": None,
    "welcome": None,
    "prompts": [],
    "disclaimer": None,
    "about": None,
    "description": None,
    "author": None,
    "languages": [],
    "is_system_prompt_locked": False,
}
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def branded(service: Service, brand: Brand, logo: Logo | None = None) -> Service:
    service.about = replace(service.about, brand=brand, logo=logo)
    return service


def test_without_wishes_every_field_is_there_and_empty(client: TestClient) -> None:
    assert client.get("/llamapack/info").json()["brand"] == NOTHING
    reply = client.get("/llamapack/logo")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


def test_the_page_is_told_the_wishes_before_the_model_is_there(
    service: Service, web_root: Path
) -> None:
    brand = Brand(
        title="Latin",
        color="#7a4f1a",
        logo="brand/logo.svg",
        welcome="Salve!",
        prompts=("Conjugate.", "Decline."),
        disclaimer="It can be wrong.",
        about="The school.",
        description="Reads Caesar with you.",
        author="M. Varro",
        languages=("zh",),
        is_system_prompt_locked=True,
    )
    branded(service, brand, Logo("image/svg+xml", SVG))
    info = make_client(service, web_root).get("/llamapack/info").json()
    assert info["state"] == "loading"
    assert info["brand"] == {
        "title": "Latin",
        "color": "#7a4f1a",
        "logo": "llamapack/logo",
        "welcome": "Salve!",
        "prompts": ["Conjugate.", "Decline."],
        "disclaimer": "It can be wrong.",
        "about": "The school.",
        "description": "Reads Caesar with you.",
        "author": "M. Varro",
        "languages": ["zh"],
        "is_system_prompt_locked": True,
    }


@pytest.mark.parametrize(
    ("languages", "said"), [((), "en zh"), (("zh", "en"), "zh en"), (("zh",), "zh")]
)
def test_the_page_itself_says_its_languages(
    service: Service, languages: tuple[str, ...], said: str
) -> None:
    client = make_client(branded(service, Brand(languages=languages)), WEB)
    assert f'<html lang="en" data-languages="{said}" ' in client.get("/").text


def test_the_languages_are_those_that_the_page_has_sentences_in() -> None:
    catalogues = {path.stem for path in (WEB / "js" / "lang").iterdir()}
    assert catalogues == set(LANGUAGES)


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "image/svg+xml"])
def test_the_logo_is_served_and_nothing_in_it_runs(
    service: Service, web_root: Path, media_type: str
) -> None:
    client = make_client(branded(service, Brand(), Logo(media_type, SVG)), web_root)
    reply = client.get("/llamapack/logo")
    assert (reply.status_code, reply.content) == (200, SVG)
    assert reply.headers["content-type"] == media_type
    assert reply.headers["x-content-type-options"] == "nosniff"
    [policy] = reply.headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none';")
    assert policy.endswith(" sandbox")
    assert "script-src" not in policy
    again = client.get("/llamapack/logo", headers={"If-None-Match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_logo_needs_the_key(service: Service, web_root: Path) -> None:
    branded(service, Brand(), Logo("image/png", b"x"))
    client = make_client(service, web_root, Access("127.0.0.1", (ApiKey("me", KEY),)))
    assert client.get("/llamapack/logo").status_code == 401
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert client.get("/llamapack/logo", headers=bearer).content == b"x"
