"""Files and folders that are replaced as a whole."""

import os
from pathlib import Path

import pytest

from trainer import atomic


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file"
    for content in (b"old", b"new"):
        atomic.write(file, content)
        assert file.read_bytes() == content
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_cannot_be_finished_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError("no space left on device")

    file = tmp_path / "file"
    atomic.write(file, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        atomic.write(file, b"new")
    assert file.read_bytes() == b"old"


def test_a_folder_is_replaced_with_all_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    atomic.write_folder(folder, {"one": b"1", "two": b"2"})
    atomic.write_folder(folder, {"two": b"22", "three": b"3"})
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "two": b"22",
        "three": b"3",
    }
    assert list(tmp_path.iterdir()) == [folder]
