"""What ONNX Runtime makes of a graph before it runs it."""

from pathlib import Path

import onnx
import onnxruntime


def operations(graph: onnx.ModelProto, folder: Path) -> list[str]:
    """The types of the operations that are run; ``folder`` takes the optimized graph."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return [node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node]
