"""Which encoded images are found again."""

from __future__ import annotations

from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.seen import Seen, SeenImages


def image(n_bytes: int) -> Seen:
    return Seen(1, 1, (MediaSpan(-1, 1, bytes(n_bytes)),))


def test_the_latest_are_found_up_to_the_bound() -> None:
    images = SeenImages(most_bytes=20)
    for key in (b"a", b"b"):
        images.add(key, image(10))
    assert images.find(b"a") is not None
    images.add(b"c", image(10))
    assert [images.find(key) is not None for key in (b"a", b"b", b"c")] == [True, False, True]


def test_one_that_is_held_is_found_beyond_the_bound() -> None:
    images = SeenImages(most_bytes=1)
    held = image(10)
    images.add(b"a", held)
    images.add(b"b", image(10))
    images.add(b"c", image(10))
    assert images.find(b"a") is held
    assert images.find(b"b") is None
    del held
    images.add(b"c", image(10))
    assert len(images) == 1
