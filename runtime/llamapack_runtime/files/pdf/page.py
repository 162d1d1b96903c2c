"""Walks over what a page shows: its content, the forms within it and the fields that were filled
in. Gives the pieces of text in the order of the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pypdf.generic import (
    ArrayObject,
    ContentStream,
    DictionaryObject,
    IndirectObject,
    StreamObject,
)

from llamapack_runtime.files.pdf.faces import Face
from llamapack_runtime.files.pdf.pieces import IDENTITY, Matrix, Run, multiply
from llamapack_runtime.files.pdf.runs import Player

# A form may show forms; more than this is a loop or a trap.
_MOST_DEPTH = 12
_MOST_FORMS = 5_000
# Annotations whose text belongs to the page: fields of a form and notes written on it.
_SHOWN_NOTES = ("/Widget", "/FreeText")
_HIDDEN = 2


class Fonts:
    """The faces of a document: each is made once, wherever it is named."""

    def __init__(self) -> None:
        self._faces: dict[tuple[int, int] | int, Face | None] = {}
        # What has no number is told by its address, which holds while we hold it.
        self._held: list[Any] = []

    def find(self, resources: DictionaryObject, name: str) -> Face | None:
        """None where there is no such font or it is damaged: its text is lost, the rest is not."""
        fonts = _dictionary(resources.get("/Font"))
        raw = fonts.raw_get(f"/{name}") if f"/{name}" in fonts else None
        if raw is None:
            return None
        if isinstance(raw, IndirectObject):
            key: tuple[int, int] | int = (raw.idnum, raw.generation)
        else:
            key = id(raw)
            self._held.append(raw)
        if key not in self._faces:
            self._faces[key] = _face(raw.get_object())
        return self._faces[key]


def page_runs(page: Any, fonts: Fonts) -> list[Run]:
    """All pieces of text of a page."""
    walk = _Walk(page.pdf, fonts)
    walk.show_page(page)
    return walk.runs


class _Walk:
    def __init__(self, pdf: Any, fonts: Fonts) -> None:
        self.runs: list[Run] = []
        self._pdf = pdf
        self._fonts = fonts
        self._forms_left = _MOST_FORMS
        self._open: set[int] = set()

    def show_page(self, page: Any) -> None:
        resources = _dictionary(page.get_inherited("/Resources", None))
        contents = page.get("/Contents")
        if contents is not None:
            self._play(ContentStream(contents, self._pdf, "bytes"), resources, IDENTITY)
        for note in _array(page.get("/Annots")):
            self._show_note(_dictionary(note))

    def _play(self, stream: Any, resources: DictionaryObject, matrix: Matrix) -> None:
        data = stream.get_data()
        if b"BT" not in data and b"Do" not in data:
            return
        faces = _remembering(lambda name: self._fonts.find(resources, name))
        forms = _dictionary(resources.get("/XObject"))

        def on_form(name: str, placed: Matrix) -> None:
            if f"/{name}" in forms:
                self._show_form(forms[f"/{name}"], resources, placed)

        Player(faces, on_form, self.runs.append, matrix).play(data)

    def _show_form(self, form: Any, around: DictionaryObject, matrix: Matrix) -> None:
        """A form without resources uses those around it, as old files do."""
        form = form.get_object()
        if not isinstance(form, StreamObject) or form.get("/Subtype") != "/Form":
            return
        key = id(form)
        self._forms_left -= 1
        if key in self._open or self._forms_left < 0 or len(self._open) >= _MOST_DEPTH:
            return
        self._open.add(key)
        try:
            resources = _dictionary(form.get("/Resources")) or around
            self._play(form, resources, multiply(_matrix_of(form), matrix))
        finally:
            self._open.discard(key)

    def _show_note(self, note: DictionaryObject) -> None:
        flags = note.get("/F", 0)
        is_hidden = isinstance(flags, int) and flags & _HIDDEN
        if note.get("/Subtype") not in _SHOWN_NOTES or is_hidden:
            return
        look: Any = _dictionary(note.get("/AP")).get("/N")
        look = None if look is None else look.get_object()
        if not isinstance(look, StreamObject):
            # One look for each state, as boxes to tick have.
            look = _dictionary(look).get(str(note.get("/AS")))
        box, place = _numbers(note.get("/Rect")), _numbers(_dictionary(look).get("/BBox"))
        if look is None or len(box) != 4 or len(place) != 4:
            return
        shift = (1.0, 0.0, 0.0, 1.0, box[0] - place[0], box[1] - place[1])
        self._show_form(look, DictionaryObject(), shift)


def _face(resource: Any) -> Face | None:
    if not isinstance(resource, DictionaryObject):
        return None
    try:
        return Face(resource)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - what pypdf trips over in a damaged font is any class
        return None


def _remembering(find: Callable[[str], Face | None]) -> Callable[[str], Face | None]:
    known: dict[str, Face | None] = {}

    def look_up(name: str) -> Face | None:
        if name not in known:
            known[name] = find(name)
        return known[name]

    return look_up


def _dictionary(value: Any) -> DictionaryObject:
    found = None if value is None else value.get_object()
    return found if isinstance(found, DictionaryObject) else DictionaryObject()


def _array(value: Any) -> list[Any]:
    found = None if value is None else value.get_object()
    return list(found) if isinstance(found, ArrayObject) else []


def _numbers(value: Any) -> list[float]:
    values = [item.get_object() for item in _array(value)]
    return [float(item) for item in values if isinstance(item, (int, float))]


def _matrix_of(form: DictionaryObject) -> Matrix:
    numbers = _numbers(form.get("/Matrix"))
    if len(numbers) != 6:
        return IDENTITY
    a, b, c, d, e, f = numbers
    return (a, b, c, d, e, f)
