"""Pictures made anew: nothing of the file that came is kept but what is to be seen on it."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from cloud.errors import ProblemError

# A phone's photo is 3 to 8 MB; more is not a photo.
MAX_UPLOAD_BYTES: Final = 12 * 1024 * 1024
# 50 megapixels are 150 MB once unpacked; a bomb of a few kB can claim far more.
MAX_PIXELS: Final = 50_000_000
FACE_PX: Final = 640
SCENE_PX: Final = 1600
# The table takes 1 MiB; a scene of 1600 px at the first quality has some 400 kB.
_MAX_JPEG_BYTES: Final = 1024 * 1024
_QUALITIES: Final = (82, 70, 55)
_FORMATS: Final = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG of our own making."""

    jpeg: bytes
    width_px: int
    height_px: int


def too_large() -> ProblemError:
    """What is longer than a photo."""
    return ProblemError(413, "too_large", f"body: a photo of at most {MAX_UPLOAD_BYTES} bytes")


def remake(content: bytes, longest_px: int) -> Picture:
    """Decoded, turned upright, made smaller, encoded anew without EXIF. Raises ProblemError."""
    if len(content) > MAX_UPLOAD_BYTES:
        raise too_large()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise ProblemError(413, "too_large", f"body: over {MAX_PIXELS} pixels")
                opened.draft("RGB", (longest_px, longest_px))
                upright = ImageOps.exif_transpose(opened)
                image = _on_white(upright)
    except UnidentifiedImageError:
        raise _unusable("not a JPEG, PNG or WebP picture", 415) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unusable(f"the picture is damaged: {type(error).__name__}", 422) from None
    image.thumbnail((longest_px, longest_px))
    return Picture(_encode(image), image.width, image.height)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "P"):
        layered = image.convert("RGBA")
        ground = Image.new("RGB", layered.size, "white")
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground
    return image.convert("RGB")


def _encode(image: Image.Image) -> bytes:
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    for quality in _QUALITIES:
        file = io.BytesIO()
        clean.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= _MAX_JPEG_BYTES:
            return file.getvalue()
    raise _unusable("the picture cannot be made small enough", 422)


def _unusable(why: str, status: int) -> ProblemError:
    errors = [{"field": "body", "message": why}]
    return ProblemError(status, "bad_picture", f"body: {why}", errors=errors)
