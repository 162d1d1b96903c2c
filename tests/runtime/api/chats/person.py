"""Somebody at the page of a running program, who keeps chats in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from llamapack_runtime.chat.session import Session
from runtime.api.served import TIMEOUT_S, Server


class Listener:
    """One tab's stream of events; `wait_for` returns all that came up to the one that is asked
    for."""

    def __init__(self, url: str, chat: str | None) -> None:
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S)
        parameters = {} if chat is None else {"chat": chat}
        request = self._client.build_request("GET", "/llamapack/events", params=parameters)
        self._response = self._client.send(request, stream=True)
        self._lines = self._response.iter_lines()
        self.status = self._response.status_code

    def events(self) -> Iterator[tuple[str, Any]]:
        name = ""
        for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))

    def wait_for(self, wanted: str, **values: Any) -> list[tuple[str, Any]]:
        seen = []
        for name, data in self.events():
            seen.append((name, data))
            if name == wanted and all(data.get(key) == value for key, value in values.items()):
                return seen
        pytest.fail(f"the stream ended without {wanted} {values}: {seen}")

    def close(self) -> None:
        self._response.close()
        self._client.close()


class Person:
    """Asks the running program as the page does."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, timeout=TIMEOUT_S)
        self._listeners: list[Listener] = []

    def new_chat(self) -> str:
        name: str = self.post("/llamapack/chats", {}, 201)["id"]
        return name

    def post(self, path: str, body: object, status: int = 202) -> Any:
        return self._checked(self.client.post(path, json=body), status)

    def patch(self, path: str, body: object, status: int = 200) -> Any:
        return self._checked(self.client.patch(path, json=body), status)

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        return self._checked(self.client.get(path, params=query), status)

    def delete(self, path: str, status: int = 204, body: object = None) -> None:
        reply = self.client.request("DELETE", path, json=body)
        assert reply.status_code == status, reply.text

    def upload(self, text: str, name: str = "a.txt", status: int = 201) -> Any:
        reply = self.client.post(
            "/llamapack/files", params={"name": name}, content=text.encode("utf-8")
        )
        return self._checked(reply, status)

    def say(
        self, chat: str, text: str, parent: str | None = None, **more: object
    ) -> list[dict[str, Any]]:
        """And have it answered, to the end."""
        listener = self.listen(chat)
        body = {"content": text, "parent": parent, **more}
        messages = self.post(f"/llamapack/chats/{chat}/answers", body)["messages"]
        listener.wait_for("end", id=messages[-1]["id"])
        listener.close()
        return self.messages(chat)

    def messages(self, chat: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.get(f"/llamapack/chats/{chat}")["messages"]
        return messages

    def listen(self, chat: str | None = None) -> Listener:
        listener = Listener(self.server.url, chat)
        self._listeners.append(listener)
        assert listener.status == 200
        listener.wait_for("hello")
        return listener

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self.client.close()

    def _checked(self, reply: httpx.Response, status: int) -> Any:
        assert reply.status_code == status, reply.text
        return reply.json()


Sit = Callable[[Session], Person]
