"""Pictures side by side on a sheet."""

import numpy as np

from trainer.images.sheets import GAP, LINE, row, stack


def test_a_row_has_the_pictures_side_by_side_and_room_for_captions() -> None:
    pictures = [np.full((20, 30, 3), 90, np.uint8), np.full((40, 50, 3), 180, np.uint8)]
    sheet = np.asarray(row([("", pictures[0]), ("two\nlines", pictures[1])]))
    assert sheet.shape == (40 + 2 * LINE + 2, 30 + GAP + 50, 3)
    assert np.array_equal(sheet[:20, :30], pictures[0])
    assert np.array_equal(sheet[:40, 30 + GAP :], pictures[1])
    assert (sheet[:40, 30 : 30 + GAP] == 255).all()


def test_rows_are_stacked_as_wide_as_the_widest() -> None:
    rows = [row([("", np.zeros((10, width, 3), np.uint8))]) for width in (30, 60)]
    sheet = np.asarray(stack(rows))
    assert sheet.shape == (rows[0].height + GAP + rows[1].height, 60, 3)
    assert (sheet[:10, 30:] == 255).all()
    assert (sheet[rows[0].height + GAP :][:10] == 0).all()
