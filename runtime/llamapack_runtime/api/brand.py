"""The packer's wishes for the page, as `info` tells them, and the logo."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.ready import service_of
from llamapack_runtime.api.service import About
from llamapack_runtime.api.web import PageFile, file_response

_LOGO = "llamapack/logo"
# An SVG that is opened as a page of its own: nothing in it runs, and nothing is fetched.
LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


def brand_words(about: About) -> dict[str, object]:
    """Every field, null or empty where the packer has no wish; the logo's address relative to the
    page's."""
    brand = about.brand
    return {
        "title": brand.title,
        "color": brand.color,
        "logo": None if about.logo is None else _LOGO,
        "welcome": brand.welcome,
        "prompts": list(brand.prompts),
        "disclaimer": brand.disclaimer,
        "about": brand.about,
        "description": brand.description,
        "author": brand.author,
        "languages": list(brand.languages),
        "is_system_prompt_locked": brand.is_system_prompt_locked,
    }


async def logo(request: Request) -> Response:
    found = service_of(request).about.logo
    if found is None:
        raise ApiError(404, "This pack has no logo of its own.", "not_found")
    response = file_response(request, PageFile.of(found.media_type, found.data))
    response.headers["Content-Security-Policy"] = LOGO_POLICY
    return response


ROUTES = [Route(f"/{_LOGO}", logo, methods=["GET"])]
