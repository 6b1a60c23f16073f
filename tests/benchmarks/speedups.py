"""What each measure that makes the style network fast has given.

    python -m tests.benchmarks.speedups [--repeats 10] [--photographs FOLDER]

The same network is built five ways and run by ONNX Runtime on the CPU, in turns. How far pictures
painted in 8-bit integers, the last way, are from those in float32 is measured too, on photographs
that they were not calibrated on, if a folder of such is given.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import ClassVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from torch import Tensor, nn
from torch.nn import functional as F

from service.cores import available_cores
from tests.benchmarks import sessions
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import square
from tests.benchmarks.turns import medians
from tests.support.checkout import ROOT
from trainer import weights_file
from trainer.export import calibration, graphs, precisions
from trainer.export.equalization import equalized
from trainer.export.quantization import quantized
from trainer.networks.canvas import MARGIN, SampleInputs
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet

SIDES = (512, 1024)
_WEIGHTS = ROOT / "trainer" / "weights"


class Plain(nn.Module):
    """A style network as it is trained, layer by layer: uint8 [N, H, W, 3] to the same."""

    sample_inputs: ClassVar[SampleInputs] = {}

    def __init__(self, network: StyleNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        pixels = image.permute(0, 3, 1, 2).float()
        height, width = pixels.shape[-2:]
        framed = F.pad(pixels, (MARGIN, MARGIN, MARGIN, MARGIN), mode="reflect")
        painted = self.network(framed)[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        return painted.clamp(0, 255).round().byte().permute(0, 2, 3, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--photographs", type=Path, help="folder; the first ten are compared")
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    options = parser.parse_args(arguments)

    wide, narrow = (_trained(name) for name in ("wave_wide", "wave"))
    served = ServedStyleNet(narrow).eval()
    networks = {
        "width 32, as in the paper's table": _opened(_graph(Plain(wide))),
        "the same, last layers rewritten": _opened(_graph(ServedStyleNet(wide))),
        "width 16": _opened(_graph(ServedStyleNet(StyleNet(16).eval()))),
        "width 16, no layers at full size: `wave`": _opened(_graph(served)),
        "the same in 8-bit integers": _opened(_quantized(served)),
    }
    seconds = {side: _seconds(networks, side, options.repeats) for side in SIDES}
    rows = []
    for name in networks:
        row = [name]
        for side in SIDES:
            first = seconds[side][next(iter(networks))]
            row += [f"{seconds[side][name]:.3f}", f"{first / seconds[side][name]:.1f}"]
        rows.append(row)
    report = Report(options.markdown)
    report.paragraph(f"{available_cores()} threads, median seconds of {options.repeats}:")
    report.table(["network", *(cell for n in SIDES for cell in (f"{n}x{n}, s", "times"))], rows)
    *_, floats, integers = networks.values()
    calibrated_on = calibration.photographs()
    seen = [difference(floats, integers, photograph) for photograph in calibrated_on]
    text = f"{fmean(seen):.2f} in the mean and {max(seen):.2f} at most over those calibrated on"
    if options.photographs is not None:
        files = sorted(options.photographs.iterdir())[:10]
        unseen = [difference(floats, integers, sessions.decoded(f.read_bytes())) for f in files]
        text += f", {fmean(unseen):.2f} and {max(unseen):.2f} over {len(files)} others"
    report.paragraph(
        "Mean absolute difference between pictures in 8-bit integers and in float32, levels of "
        f"255: {text}."
    )


def _trained(name: str) -> StyleNet:
    network = weights_file.load(_WEIGHTS / f"{name}.safetensors").network
    assert isinstance(network, StyleNet)
    return network


def _graph(network: nn.Module) -> onnx.ModelProto:
    return graphs.to_onnx(network.eval(), {})


def _opened(graph: onnx.ModelProto) -> InferenceSession:
    return sessions.session(graph.SerializeToString())


def _quantized(network: ServedStyleNet) -> onnx.ModelProto:
    progress("calibrating the network in 8-bit integers")
    return quantized(_graph(equalized(network, calibration.examples())))


def _seconds(networks: dict[str, InferenceSession], side: int, repeats: int) -> dict[str, float]:
    progress(f"{side}x{side}")
    pixels = sessions.decoded(square(side))
    jobs = [partial(sessions.run, network, pixels) for network in networks.values()]
    return dict(zip(networks, medians(jobs, repeats), strict=True))


def difference(one: InferenceSession, other: InferenceSession, pixels: NDArray[np.uint8]) -> float:
    """Mean absolute levels of 255."""
    return precisions.difference(*(sessions.run(session, pixels) for session in (one, other)))


if __name__ == "__main__":
    main()
