"""Images in a request, in any dialect: the bytes of the file, or the sentence why there are none.

Nothing is decoded here, and nothing fetched. Whether the model sees is the session's to say, so
what is wrong with an image is kept until then: a model that reads text alone says so first."""

from __future__ import annotations

import base64
import binascii

from llamapack_runtime.chat.types import Image

_DATA_URL = "data:"
_BASE64 = ";base64"


def image_of_url(url: object, place: str) -> Image:
    """From a data: URL in base64."""
    if not isinstance(url, str):
        return Image.unusable(f"'{place}' must have a data: URL.", place)
    if not url.startswith(_DATA_URL):
        sentence = f"'{place}' must be a data: URL: this program fetches nothing from elsewhere."
        return Image.unusable(sentence, place)
    head, comma, text = url[len(_DATA_URL) :].partition(",")
    if not comma or not head.endswith(_BASE64):
        return Image.unusable(f"'{place}' must be a data: URL in base64.", place)
    return image_of_base64(text, place)


def image_of_base64(text: object, place: str) -> Image:
    if not isinstance(text, str):
        return Image.unusable(f"'{place}' must be the image's file in base64.", place)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return Image.unusable(f"'{place}' is not valid base64.", place)
    if not data:
        return Image.unusable(f"'{place}' is empty.", place)
    return Image.of(data, place)
