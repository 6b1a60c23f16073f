"""Files that say how large their picture is, and hold none of its pixels."""

import struct
import zlib


def jpeg_segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"")


def gif_header(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    clear_after_showing = b"!\xf9\x04" + bytes([0b1001, 0, 0, 7, 0])
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", *screen, 0, 0, 0)
        + clear_after_showing
        + b","
        + struct.pack("<HHHHB", 0, 0, *frame, 0)
        + b"\x08\0;"
    )


def bmp_run_lengths(width: int, height: int, pixels: bytes) -> bytes:
    """A grey picture of eight bits, its pixels as runs."""
    palette = bytes(level for level in range(256) for _ in range(4))
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 256, 0)
    start = 14 + len(header) + len(palette)
    file = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    return file + header + palette + pixels


def tiff_directory(entries: int, size: int) -> bytes:
    """As many tags as said, of which each claims the same bytes, so many, for its own."""
    tags = b"".join(struct.pack("<HHII", tag, 1, size, 8) for tag in range(entries))
    return (b"II*\0" + struct.pack("<IH", 8, entries) + tags + bytes(4)).ljust(size + 8, b"\0")
