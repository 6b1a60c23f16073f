"""Bicubic resampling as by MATLAB's imresize, which made all published low-resolution images.

Keys 1981 (doi:10.1109/TASSP.1981.1163711) with a = -1/2; when shrinking, the kernel is widened by
the factor, which is the antialiasing; beyond the border the picture is mirrored. Pillow cuts the
kernel off at the border instead, OpenCV and PyTorch have a = -3/4 or no antialiasing.
"""

import numpy as np
from numpy.typing import NDArray
from resize_right import resize
from scipy.ndimage import gaussian_filter1d


def shrink(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Bicubic downsampling, uint8 [H, W, C] to [ceil(H / factor), ceil(W / factor), C]."""
    height, width = (-(-side // factor) for side in pixels.shape[:2])
    return _resized(_resized(pixels, 0, height, 1 / factor), 1, width, 1 / factor)


def enlarge(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Bicubic upsampling, uint8 [H, W, C] to [factor H, factor W, C]."""
    height, width = (factor * side for side in pixels.shape[:2])
    return _resized(_resized(pixels, 0, height, factor), 1, width, factor)


def _resized(pixels: NDArray[np.uint8], axis: int, length: int, scale: float) -> NDArray[np.uint8]:
    scales, shape = [1.0] * pixels.ndim, list(pixels.shape)
    scales[axis], shape[axis] = scale, length
    exact = resize(pixels.astype(np.float64), scales, shape, pad_mode="symmetric")
    # MATLAB rounds after each axis, halves away from zero.
    rounded: NDArray[np.uint8] = np.floor(exact.clip(0, 255) + 0.5).astype(np.uint8)
    return rounded


def shrinking_matrix(length: int, factor: int, blur_sigma: float = 0.0) -> NDArray[np.float32]:
    """Downsampling of a line of ``length`` pixels as a matrix, float32 [length / factor, length].

    With ``blur_sigma`` > 0 the line is first blurred by a Gaussian of that many pixels.
    """
    line = np.eye(length)
    if blur_sigma > 0:
        line = gaussian_filter1d(line, blur_sigma, axis=0, mode="reflect")
    shape = (length // factor, length)
    matrix: NDArray[np.float64] = resize(line, (1 / factor, 1.0), shape, pad_mode="symmetric")
    return matrix.astype(np.float32)


def enlarging_matrix(length: int, factor: int) -> NDArray[np.float32]:
    """Upsampling of a line of ``length`` pixels as a matrix, float32 [factor * length, length]."""
    shape = (factor * length, length)
    matrix: NDArray[np.float64] = resize(np.eye(length), (factor, 1.0), shape, pad_mode="symmetric")
    return matrix.astype(np.float32)
