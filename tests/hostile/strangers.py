"""Files that are programs or whole documents, openly and in disguise: never decoded."""

from collections.abc import Iterator
from functools import cache

import skimage.data
from PIL import Image

from tests.hostile.bodies import multipart, part
from tests.hostile.case import Case, upload
from tests.support.pictures import file_of

_SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
<script>fetch("http://127.0.0.1/")</script><image xlink:href="file:///etc/passwd"/></svg>"""
_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY c SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg">&b;&c;</svg>"""
_POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) (r) file\n"
_DISGUISES = {"photo.jpg": "image/jpeg", "photo.png": "image/png", "photo.avif": "image/avif"}


@cache
def files() -> dict[str, bytes]:
    face = Image.fromarray(skimage.data.astronaut()).crop((150, 0, 214, 64))
    by_pillow = ("EPS", "PDF", "ICO", "ICNS", "JPEG2000", "PPM", "TGA", "PCX", "SGI", "DDS")
    return {
        "svg": _SVG,
        "svg with entities": _LAUGHS,
        "svg after a byte order mark": b"\xef\xbb\xbf" + _SVG,
        "postscript": _POSTSCRIPT,
        "dos eps": b"\xc5\xd0\xd3\xc6" + bytes(26) + _POSTSCRIPT,
        "wmf": b"\xd7\xcd\xc6\x9a" + bytes(80),
        "emf": b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(80),
        "mvg": b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/'\n",
        "html": b"<!doctype html><script>alert(1)</script>",
        "zip": b"PK\3\4" + bytes(60),
        "gzip": b"\x1f\x8b\x08" + bytes(60),
        "elf": b"\x7fELF" + bytes(60),
        "heic": b"\0\0\0\x18ftypheic" + bytes(60),
        "fits": b"SIMPLE  =                    T".ljust(2880),
        "psd": b"8BPS\0\1" + bytes(60),
        **{name.lower(): file_of(face, name) for name in by_pillow},
    }


def programs() -> Iterator[Case]:
    for kind, body in files().items():
        own = {"svg": "image/svg+xml", "pdf": "application/pdf", "eps": "application/postscript"}
        content_type = own.get(kind, f"image/x-{kind.replace(' ', '-')}")
        yield upload(f"{kind} openly", lambda b=body: b, 415, content_type=content_type)
        for filename, disguise in _DISGUISES.items():
            yield upload(f"{kind} as {disguise}", lambda b=body: b, 415, content_type=disguise)
            yield multipart(f"{kind} as {filename}", part("image", body, filename, disguise), 415)
