"""Images that a projector has encoded: found again while somebody needs them, or there is room."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

from llamapack_runtime.engine.media import MediaSpan

# Rows of the images seen last: an hour of photos for a large model, and of no use to a small one.
CACHE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Seen:
    """An image that was encoded: some models cut it into several pieces."""

    width: int
    height: int
    spans: tuple[MediaSpan, ...]

    @property
    def size_bytes(self) -> int:
        return sum(len(span.rows) for span in self.spans)


class SeenImages:
    """By a key of each. The latest stay, up to `most_bytes`, and those that anybody holds. Used by
    one thread at a time."""

    def __init__(self, most_bytes: int = CACHE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._latest: OrderedDict[bytes, Seen] = OrderedDict()
        self._held: WeakValueDictionary[bytes, Seen] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._held)

    def find(self, key: bytes) -> Seen | None:
        seen = self._held.get(key)
        if seen is not None:
            self.add(key, seen)
        return seen

    def add(self, key: bytes, seen: Seen) -> None:
        """As the one used last."""
        self._held[key] = self._latest[key] = seen
        self._latest.move_to_end(key)
        while len(self._latest) > 1 and self._size_bytes > self._most_bytes:
            self._latest.popitem(last=False)

    @property
    def _size_bytes(self) -> int:
        return sum(seen.size_bytes for seen in self._latest.values())
