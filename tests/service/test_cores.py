"""What CPU cores can do, as Linux tells."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service import cores


@pytest.mark.parametrize(
    ("flags", "native"),
    [("sse2 avx2 avx512f", False), ("avx2 avx512_vnni", True), ("avx2 avx_vnni", True)],
)
def test_bytes_are_multiplied_natively_by_cores_with_vnni(
    monkeypatch: pytest.MonkeyPatch, flags: str, native: bool
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda _: f"processor\t: 0\nflags\t\t: fpu {flags}\n")
    assert cores.has_vnni() is native


def test_bytes_are_not_multiplied_where_nobody_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert not cores.has_vnni()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_a_thread_that_gives_way_does_so_alone() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    with ThreadPoolExecutor(1, initializer=cores.lower_thread_priority) as pool:
        assert pool.submit(niceness).result() > before
    assert niceness() == before
