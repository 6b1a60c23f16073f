"""A file in memory that limits how many reads its parser makes.

Pillow reads headers in Python, segment by segment and where there is rubbish byte by byte, so that
a file of millions of tiny pieces costs minutes of processor time. Real files have few and long
ones: ICC profiles come in 64 KiB, the pixels of a PNG in no less than a few KiB.
"""

from io import BytesIO

from service.problems import BrokenImage

_READS = 1 << 16  # enough for each row of the highest picture to be a strip of its own
_BYTES_PER_READ = 256  # what pieces have at least, on average, beyond that


class MeteredFile(BytesIO):
    """Raises BrokenImage after more reads than a file of this size needs."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._reads_left = _READS + len(content) // _BYTES_PER_READ

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise BrokenImage("The image is in more and smaller pieces than software makes.")
        return super().read(size)
