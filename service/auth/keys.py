"""The file of API keys, with the rate limits of each.

Keys are 256 random bits, and the file holds their SHA-256. Slow, salted hashes protect what people
choose; nothing that can be computed finds 256 random bits again, so a fast hash keeps them as
secret, and a flood of wrong keys costs next to nothing to refuse.
"""

import hmac
import math
import stat
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.auth.token_bucket import TokenBucket
from service.problems import LimitExceeded

NAME = r"[A-Za-z0-9._-]{1,64}"


class BrokenKeys(Exception):
    """The file of keys cannot be used; the text names it and what is wrong with it."""


class Entry(BaseModel):
    """One [[key]] of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=f"^{NAME}$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    requests_per_minute: float | None = Field(None, ge=1)
    megapixels_per_minute: float | None = Field(None, gt=0)
    """Millions of pixels given to a network: after max_side, before upscaling."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: list[Entry] = Field(min_length=1)


class Client:
    """The holder of one key, with a token bucket for each rate limit."""

    def __init__(self, entry: Entry, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = entry.name
        self._digest = bytes.fromhex(entry.sha256)
        requests, megapixels = entry.requests_per_minute, entry.megapixels_per_minute
        self._requests = TokenBucket(requests, clock) if requests else None
        self._pixels = TokenBucket(1e6 * megapixels, clock) if megapixels else None

    def holds(self, digest: bytes) -> bool:
        """Whether this is the SHA-256 of the key; takes the same time whatever the answer."""
        return hmac.compare_digest(self._digest, digest)

    def charge_request(self) -> None:
        """Raises LimitExceeded, also while the pixels of an earlier picture are owed."""
        _charge(self._pixels, 0, "pixels")
        _charge(self._requests, 1, "requests")

    def charge_pixels(self, pixels: int) -> None:
        """Raises LimitExceeded."""
        _charge(self._pixels, pixels, "pixels")


def _charge(bucket: TokenBucket | None, amount: int, unit: str) -> None:
    seconds = bucket.take(amount) if bucket else 0.0
    if seconds > 0:
        wait = math.ceil(seconds)
        raise LimitExceeded(
            f"This key's {unit} a minute are used up; there will be enough in {wait} s.",
            retry_after=wait,
        )


def read(file: Path) -> list[Client]:
    """The holders of the keys in the file. Raises BrokenKeys."""
    try:
        mode = file.stat().st_mode
        entries = _File.model_validate(tomllib.loads(file.read_text("utf-8"))).key
    except OSError as error:
        raise BrokenKeys(f"{file}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BrokenKeys(f"{file}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BrokenKeys(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BrokenKeys(f"{file}: others than its owner may write to it; chmod go-w it")
    for field in ("name", "sha256"):
        if len({getattr(entry, field) for entry in entries}) < len(entries):
            raise BrokenKeys(f"{file}: two keys have the same {field}")
    return [Client(entry) for entry in entries]
