"""VGG-16 to relu5_3, with its real weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.images.photographs import find_photographs, read_rgb
from trainer.pretrained.vgg import TAPS, VGG16, Tap

ALL: frozenset[Tap] = frozenset(TAPS.values())


@pytest.fixture(scope="module")
def photo(shared: Path) -> Tensor:
    """A photograph of the training set, float RGB [1, 3, H, W] of odd size."""
    folder = shared / "train_images"
    return read_rgb(find_photographs(folder)[0], 160)[..., :150, :157]


def built_by_hand(weights: dict[str, Tensor], image: Tensor) -> dict[Tap, Tensor]:
    """The taps by the definition of configuration D, from RGB in [0, 255]."""

    def relu(index: int, x: Tensor) -> Tensor:
        kernel, bias = weights[f"features.{index}.weight"], weights[f"features.{index}.bias"]
        return F.relu(F.conv2d(x, kernel, bias, padding=1))

    mean = torch.tensor([0.485, 0.456, 0.406])[None, :, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[None, :, None, None]
    relu1_2 = relu(2, relu(0, (image / 255 - mean) / std))
    relu2_2 = relu(7, relu(5, F.max_pool2d(relu1_2, 2)))
    relu3_3 = relu(14, relu(12, relu(10, F.max_pool2d(relu2_2, 2))))
    relu4_3 = relu(21, relu(19, relu(17, F.max_pool2d(relu3_3, 2))))
    relu5_1 = relu(24, F.max_pool2d(relu4_3, 2))
    relu5_3 = relu(28, relu(26, relu5_1))
    return {
        "relu1_2": relu1_2,
        "relu2_2": relu2_2,
        "relu3_3": relu3_3,
        "relu4_3": relu4_3,
        "relu5_1": relu5_1,
        "relu5_3": relu5_3,
    }


@torch.no_grad()
def test_all_taps_equal_the_definition(real_vgg: dict[str, Tensor], photo: Tensor) -> None:
    activations = VGG16(real_vgg)(photo, ALL)
    expected = built_by_hand(real_vgg, photo)
    assert activations.keys() == expected.keys()
    for tap, activation in activations.items():
        largest = expected[tap].max().item()
        assert largest > 1
        torch.testing.assert_close(activation, expected[tap], rtol=0, atol=1e-5 * largest)


@torch.no_grad()
def test_a_tap_is_the_same_whichever_others_are_asked_for(random_vgg: dict[str, Tensor]) -> None:
    vgg = VGG16(random_vgg)
    image = torch.full((1, 3, 40, 56), 100.0)
    together = vgg(image, ALL)
    assert {tap: activation.shape[1:] for tap, activation in together.items()} == {
        "relu1_2": (64, 40, 56),
        "relu2_2": (128, 20, 28),
        "relu3_3": (256, 10, 14),
        "relu4_3": (512, 5, 7),
        "relu5_1": (512, 2, 3),
        "relu5_3": (512, 2, 3),
    }
    for tap in ALL:
        alone = vgg(image, frozenset({tap}))
        assert alone.keys() == {tap}
        torch.testing.assert_close(alone[tap], together[tap])


@pytest.mark.parametrize(
    ("last", "layers"),
    [("relu1_2", 4), ("relu2_2", 9), ("relu3_3", 16), ("relu4_3", 23), ("relu5_3", 30)],
)
@torch.no_grad()
def test_layers_behind_the_last_tap_asked_for_are_not_run(
    random_vgg: dict[str, Tensor], last: Tap, layers: int
) -> None:
    vgg = VGG16(random_vgg)
    ran: list[int] = []
    for index, layer in enumerate(vgg.features):
        layer.register_forward_hook(lambda *_, index=index: ran.append(index))
    vgg(torch.zeros(1, 3, 16, 16), frozenset({"relu1_2", last}))
    assert ran == list(range(layers))


def test_gradients_reach_the_image_and_never_the_weights(random_vgg: dict[str, Tensor]) -> None:
    vgg = VGG16(random_vgg)
    image = torch.full((1, 3, 16, 16), 100.0, requires_grad=True)
    vgg(image, ALL)["relu5_3"].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in vgg.parameters())
