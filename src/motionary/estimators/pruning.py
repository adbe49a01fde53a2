"""Networks cut down to the outputs that somebody reads: TensorFlow Lite computes them all otherwise.

BlazePose's landmark network also draws a mask of the person, about a third of its work.
"""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"


def prune(path: Path, outputs: tuple[int, ...]) -> bytes:
    """A TensorFlow Lite model without the operators that only other outputs need.

    Args:
        path: The model's file, of one graph.
        outputs: Positions of the outputs to keep, which come in this order then.

    Returns:
        A model file's content; what is kept computes the same numbers.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    graph = model.subgraphs[0]
    kept = [int(graph.outputs[position]) for position in outputs]
    needed, operators = set(kept), []
    for operator in reversed(graph.operators):  # stored in the order they run
        if needed.intersection(operator.outputs):
            needed.update(int(tensor) for tensor in operator.inputs)
            operators.append(operator)
    graph.operators, graph.outputs = operators[::-1], np.array(kept, np.int32)
    model.signatureDefs = []  # they name the outputs that are gone
    builder = flatbuffers.Builder(path.stat().st_size)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
