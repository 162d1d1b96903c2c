"""All routes. Importing this takes longer than the page should wait, so `app` does it later."""

from __future__ import annotations

from starlette.routing import BaseRoute

from llamapack_runtime.api import control, health, metrics
from llamapack_runtime.api.anthropic import routes as anthropic
from llamapack_runtime.api.chats import routes as chats
from llamapack_runtime.api.llamacpp import routes as llamacpp
from llamapack_runtime.api.ollama import routes as ollama
from llamapack_runtime.api.openai import embeddings, rerank
from llamapack_runtime.api.openai import routes as openai
from llamapack_runtime.api.openapi import routes as openapi
from llamapack_runtime.api.tgi import routes as tgi

ROUTES: list[BaseRoute] = [
    *health.ROUTES,
    *metrics.ROUTES,
    *control.ROUTES,
    *chats.ROUTES,
    *openai.ROUTES,
    *llamacpp.ROUTES,
    *ollama.ROUTES,
    *anthropic.ROUTES,
    *tgi.ROUTES,
    *embeddings.ROUTES,
    *rerank.ROUTES,
    *openapi.ROUTES,
]
