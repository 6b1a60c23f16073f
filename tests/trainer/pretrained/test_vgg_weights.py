"""Reading and verifying the VGG-16 weights: whatever the file, the ImageNet weights or an error."""

import os
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from trainer.errors import TrainerError
from trainer.pretrained import vgg_weights


def test_the_real_file_verifies(vgg_file: Path) -> None:
    tensors = vgg_weights.load(vgg_file)
    assert tuple(tensors) == vgg_weights.NAMES
    assert vgg_weights.digest(tensors) == vgg_weights.DIGEST


def test_torchvisions_checkpoint_verifies_and_its_classifier_is_left_out(
    tmp_path: Path, real_vgg: dict[str, Tensor]
) -> None:
    file = tmp_path / "vgg16-397923af.pth"
    torch.save({**real_vgg, "classifier.0.weight": torch.zeros(8, 8)}, file)
    tensors = vgg_weights.load(file)
    assert tuple(tensors) == vgg_weights.NAMES
    assert vgg_weights.digest(tensors) == vgg_weights.DIGEST


def test_a_change_in_the_last_bit_of_one_number_is_noticed(
    tmp_path: Path, real_vgg: dict[str, Tensor]
) -> None:
    changed = {name: tensor.clone() for name, tensor in real_vgg.items()}
    last = changed["features.28.bias"]
    last[-1] = torch.nextafter(last[-1], torch.tensor(1.0))
    file = tmp_path / "changed.safetensors"
    save_file(changed, file)
    with pytest.raises(TrainerError, match=r"changed\.safetensors is not the ImageNet VGG-16"):
        vgg_weights.load(file)


def test_a_transposed_kernel_is_noticed(tmp_path: Path, real_vgg: dict[str, Tensor]) -> None:
    kernel = real_vgg["features.2.weight"]
    file = tmp_path / "transposed.safetensors"
    save_file({**real_vgg, "features.2.weight": kernel.transpose(0, 1).contiguous()}, file)
    with pytest.raises(TrainerError, match="its digest differs"):
        vgg_weights.load(file)


def test_a_missing_tensor_is_named(tmp_path: Path, random_vgg: dict[str, Tensor]) -> None:
    file = tmp_path / "missing.safetensors"
    save_file({name: t for name, t in random_vgg.items() if name != "features.10.bias"}, file)
    with pytest.raises(TrainerError, match=r"is not VGG-16: it has no tensor features\.10\.bias"):
        vgg_weights.load(file)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_truncated_file_is_refused(
    tmp_path: Path, random_vgg: dict[str, Tensor], suffix: str
) -> None:
    file = tmp_path / f"vgg16{suffix}"
    if suffix == ".pth":
        torch.save(random_vgg, file)
    else:
        save_file(random_vgg, file)
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(TrainerError, match=rf"{re.escape(str(file))}: cannot be read as weights"):
        vgg_weights.load(file)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"404: Not Found\n", id="text"),
        pytest.param(b"hello world, this is text", id="more text"),
        pytest.param(b"<!DOCTYPE html><html><body>Sign in</body></html>", id="html"),
        pytest.param(b"\x80\x02}q\x00.", id="pickle"),
        pytest.param(bytes(1000), id="zeros"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    file = tmp_path / f"vgg16{suffix}"
    file.write_bytes(content)
    with pytest.raises(TrainerError, match=re.escape(str(file))):
        vgg_weights.load(file)


def test_half_precision_weights_are_not_the_weights(
    tmp_path: Path, random_vgg: dict[str, Tensor]
) -> None:
    file = tmp_path / "half.safetensors"
    save_file({name: tensor.bfloat16() for name, tensor in random_vgg.items()}, file)
    with pytest.raises(TrainerError, match="its digest differs"):
        vgg_weights.load(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"vgg16\.pth: no such file"):
        vgg_weights.load(tmp_path / "vgg16.pth")
