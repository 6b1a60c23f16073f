"""The file of API keys, and how a key comes into it."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.auth import keys
from service.auth.keys import BrokenKeys
from tests.support.checkout import ROOT

DIGEST = hashlib.sha256(b"secret").hexdigest()
SHOP = f'[[key]]\nname = "shop"\nsha256 = "{DIGEST}"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def keygen(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service.keygen", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_made_key_opens_by_the_entry_that_was_made_with_it(file: Path) -> None:
    made = keygen("shop")
    file.write_text(made.stdout)
    (client,) = keys.read(file)
    key = made.stderr.split()[-1]
    assert client.name == "shop"
    assert client.holds(hashlib.sha256(key.encode()).digest())
    assert not client.holds(hashlib.sha256(key.swapcase().encode()).digest())


def test_a_made_key_has_256_bits_and_is_nowhere_in_its_entry() -> None:
    made = keygen("shop")
    key = made.stderr.split()[-1]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", key)
    assert key not in made.stdout
    assert keygen("shop").stdout != made.stdout


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ['"'], ["a\nb"], [""], ["x" * 65]])
def test_a_name_that_cannot_be_one_is_one_line_and_exit_code_2(arguments: list[str]) -> None:
    refused = keygen(*arguments)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "key"),
        ("key = 1", "key"),
        ("[[key]", "line 1"),
        (SHOP + 'password = "x"', "password"),
        (SHOP + "requests_per_minute = 0", "requests_per_minute"),
        (SHOP + "megapixels_per_minute = -1", "megapixels_per_minute"),
        (SHOP.replace(DIGEST, "secret"), "sha256"),
        (SHOP.replace("shop", "shop\\n"), "name"),
        (SHOP + SHOP.replace(DIGEST, 64 * "0"), "same name"),
        (SHOP + SHOP.replace("shop", "other"), "same sha256"),
    ],
)
def test_a_broken_file_is_refused_naming_it_and_what_is_wrong(
    file: Path, text: str, complaint: str
) -> None:
    file.write_text(text)
    with pytest.raises(BrokenKeys, match=complaint) as refusal:
        keys.read(file)
    assert str(file) in str(refusal.value)


def test_a_refusal_never_quotes_what_may_be_a_key(file: Path) -> None:
    file.write_text(SHOP.replace(DIGEST, "a-key-by-mistake"))
    with pytest.raises(BrokenKeys) as refusal:
        keys.read(file)
    assert "a-key-by-mistake" not in str(refusal.value)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_to_is_refused(file: Path, mode: int) -> None:
    file.write_text(SHOP)
    file.chmod(mode)
    with pytest.raises(BrokenKeys, match="chmod go-w"):
        keys.read(file)


def test_the_service_does_not_start_with_keys_it_cannot_read(file: Path) -> None:
    command = [sys.executable, "-m", "service", "--api-keys", str(file)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr == f"service: {file}: No such file or directory\n"
