"""Images that people upload, judged by their bytes: not by a name, nor by what they are said to be.

Only headers are read. Nothing is decoded here, and the sizes that the headers name are bounded, so that no small file
grows large, be it in a reader's browser.
"""

import base64
import binascii
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from genji_graphql.errors import Invalid

Size = tuple[int, int]


class MediaType(StrEnum):
    PNG = "image/png"
    JPEG = "image/jpeg"
    ICO = "image/x-icon"


@dataclass(frozen=True, slots=True)
class Image:
    data: bytes
    media_type: MediaType

    @property
    def base64(self) -> str:
        return base64.b64encode(self.data).decode()


@dataclass(frozen=True, slots=True)
class Use:
    """What an image must be to be put to one use."""

    called: str
    media_types: Sequence[MediaType]
    most_bytes: int
    fits: Callable[[Size], bool]
    fitting: str
    """The sizes that fit, in words."""


def read(text: str, use: Use, field: str) -> Image:
    """The image that somebody sent in base64, if it is good for this use."""
    if len(text) > 4 * (use.most_bytes // 3 + 1):
        raise _too_large(use, field)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"The {use.called} isn't valid base64.", field=field, code="INVALID_BASE64") from None
    if len(data) > use.most_bytes:
        raise _too_large(use, field)
    media_type, sizes = _recognised(data)
    if media_type is None or media_type not in use.media_types:
        kinds = " or ".join(kind.name for kind in use.media_types)
        raise Invalid(f"The {use.called} must be a {kinds} image.", field=field, code="UNKNOWN_IMAGE_TYPE")
    for width, height in sizes:
        if not use.fits((width, height)):
            raise Invalid(
                f"The {use.called} must be {use.fitting}; this one has {width} × {height}.",
                field=field,
                code="WRONG_IMAGE_SIZE",
            )
    return Image(data, media_type)


def _too_large(use: Use, field: str) -> Invalid:
    return Invalid(f"The {use.called} may have at most {use.most_bytes:,} bytes.", field=field, code="TOO_LARGE")


def _recognised(data: bytes) -> tuple[MediaType | None, list[Size]]:
    """What it is, and the sizes of the images in it: an icon may hold several."""
    for begins, media_type, sizes_of in (
        (_PNG_BEGINS, MediaType.PNG, _png),
        (b"\xff\xd8\xff", MediaType.JPEG, _jpeg),
        (b"\0\0\1\0", MediaType.ICO, _ico),
    ):
        if data.startswith(begins):
            try:
                sizes = sizes_of(data)
            except struct.error:  # it ends within its header
                sizes = []
            return (media_type, sizes) if sizes else (None, [])
    return None, []


_PNG_BEGINS = b"\x89PNG\r\n\x1a\n"


def _png(data: bytes) -> list[Size]:
    """Portable Network Graphics, third edition, sections 5.2 and 11.2.1."""
    length, kind, width, height = struct.unpack_from(">I4sII", data, len(_PNG_BEGINS))
    return [(width, height)] if (length, kind) == (13, b"IHDR") else []


# A segment's marker, after fill bytes, and its length.
_SEGMENT = re.compile(rb"\xff+([\x01-\xfe])(..)", re.DOTALL)
_FRAMES = b"\xc0\xc1\xc2"  # baseline, extended and progressive: what browsers show
_SCAN_OR_END = b"\xda\xd9"
_MOST_SEGMENTS = 1000


def _jpeg(data: bytes) -> list[Size]:
    """ITU-T T.81, annex B: the first frame's header stands somewhere before the first scan."""
    place = 2
    for _ in range(_MOST_SEGMENTS):
        segment = _SEGMENT.match(data, place)
        if segment is None or segment[1] in _SCAN_OR_END:
            return []
        if segment[1] in _FRAMES:
            height, width = struct.unpack_from(">HH", data, segment.end() + 1)
            return [(width, height)]
        place = segment.start(2) + int.from_bytes(segment[2])
    return []


_MOST_IMAGES = 50


def _ico(data: bytes) -> list[Size]:
    """A directory of bitmaps and PNGs. It is the images themselves that are measured: the directory may say otherwise.

    The ICO file format, as Microsoft's "Icons" tells it.
    """
    _, _, number = struct.unpack_from("<HHH", data)
    if number > _MOST_IMAGES:
        return []
    sizes = []
    for entry in range(number):
        length, offset = struct.unpack_from("<II", data, 6 + 16 * entry + 8)
        image = data[offset : offset + length]
        found = _png(image) if image.startswith(_PNG_BEGINS) else _icon_bitmap(image)
        if not found or len(image) < length:
            return []
        sizes += found
    return sizes


def _icon_bitmap(image: bytes) -> list[Size]:
    """A bitmap without its file's header. Its height counts twice: for the colours, and for the mask below them."""
    header, width, height = struct.unpack_from("<Iii", image)
    return [(width, height // 2)] if header == 40 else []  # BITMAPINFOHEADER
