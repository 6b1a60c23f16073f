"""Cutting an image into tiles and putting their outputs together."""

from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.images.tiling import MAX_MARGIN, TILE, tiles
from tests.support.upscalers import RECEPTIVE_FIELD, network

FACTOR = 4

Pixels = NDArray[np.uint8]
Network = Callable[[Pixels], Pixels]

sizes = st.tuples(st.integers(1, 100), st.integers(1, 100))
margins = st.integers(0, 7)
small_tiles = st.sampled_from([16, 17, 32])


def around_tile(test: Callable[..., None]) -> Callable[..., None]:
    """The sizes at which the number of tiles changes, and strips of one pixel."""
    for size in ((1, 1), (1, 100), (100, 1), (15, 33), (16, 16), (17, 17), (16, 29), (28, 40)):
        test = example(size=size, margin=2, tile=16)(test)
    return test


@pytest.fixture(scope="module")
def upscaled() -> Network:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = network(FACTOR, seed=0).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])

    def run(image: Pixels) -> Pixels:
        output: Pixels = session.run(["output"], {"image": image[np.newaxis]})[0][0]
        return output

    return run


def upscaled_in_tiles(upscaled: Network, image: Pixels, margin: int, tile: int) -> Pixels:
    height, width = image.shape[:2]
    output = np.zeros((height * FACTOR, width * FACTOR, 3), np.uint8)
    for piece in tiles(height, width, margin, tile):
        piece.paste(upscaled(piece.cut(image)), output, FACTOR)
    return output


def difference(one: Pixels, other: Pixels) -> int:
    return int(np.abs(one.astype(np.int16) - other).max())


@around_tile
@given(size=sizes, margin=margins, tile=small_tiles)
def test_the_kept_parts_cover_the_output_exactly_once(
    size: tuple[int, int], margin: int, tile: int
) -> None:
    height, width = size
    covered = np.zeros((2 * height, 2 * width), np.uint8)
    for piece in tiles(height, width, margin, tile):
        covered[piece.rows.target(2), piece.columns.target(2)] += 1
    assert (covered == 1).all()


@around_tile
@given(size=sizes, margin=margins, tile=small_tiles)
def test_all_tiles_of_an_image_have_one_shape_and_lie_inside_it(
    size: tuple[int, int], margin: int, tile: int
) -> None:
    height, width = size
    for piece in tiles(height, width, margin, tile):
        assert piece.shape == (min(height, tile), min(width, tile))
        assert piece.cut(np.empty((height, width, 3), np.uint8)).shape[:2] == piece.shape


@around_tile
@given(size=sizes, margin=margins, tile=small_tiles)
def test_what_is_kept_is_a_margin_away_from_where_a_tile_ends_unless_the_image_ends_there(
    size: tuple[int, int], margin: int, tile: int
) -> None:
    for piece in tiles(*size, margin, tile):
        for span, side in zip((piece.rows, piece.columns), size, strict=True):
            assert span.start == 0 or span.kept_start - span.start >= margin
            assert span.stop == side or span.stop - span.kept_stop >= margin


@around_tile
@given(size=sizes, margin=margins, tile=small_tiles)
def test_there_is_no_tile_more_than_needed(size: tuple[int, int], margin: int, tile: int) -> None:
    for piece in tiles(*size, margin, tile)[1:]:
        assert piece.rows.kept_start < piece.rows.kept_stop
        assert piece.columns.kept_start < piece.columns.kept_stop
    stride = tile - 2 * margin
    expected = np.prod([1 if n <= tile else 1 - (tile - n) // stride for n in size])
    assert len(tiles(*size, margin, tile)) == expected


@around_tile
@given(size=sizes, margin=st.integers(RECEPTIVE_FIELD, 5), tile=small_tiles)
@settings(deadline=None)
def test_an_image_in_tiles_becomes_what_it_becomes_whole(
    upscaled: Network, size: tuple[int, int], margin: int, tile: int
) -> None:
    image = np.random.default_rng(size).integers(0, 256, (*size, 3), np.uint8)
    assert difference(upscaled_in_tiles(upscaled, image, margin, tile), upscaled(image)) <= 1


def test_a_photograph_in_tiles_of_the_real_size_has_no_seam(
    upscaled: Network, astronaut: Pixels
) -> None:
    photograph = astronaut[:300]  # 300 x 512: a tile and a bit, and two tiles and a bit
    in_tiles = upscaled_in_tiles(upscaled, photograph, RECEPTIVE_FIELD, TILE)
    assert difference(in_tiles, upscaled(photograph)) <= 1


def test_a_margin_short_of_the_receptive_field_shows(upscaled: Network, astronaut: Pixels) -> None:
    too_little = upscaled_in_tiles(upscaled, astronaut, RECEPTIVE_FIELD - 1, TILE)
    assert difference(too_little, upscaled(astronaut)) > 1


def test_margins_that_leave_nothing_between_them_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing between two margins of 8"):
        tiles(100, 100, margin=8, tile=16)
    assert len(tiles(2 * TILE, 2 * TILE, MAX_MARGIN)) == 9
