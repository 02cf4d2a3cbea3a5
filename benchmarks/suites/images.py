"""Images: maps to text, pages, descriptions, speed: `kedge bench images [--only alignment pages speed]`.

Every set is cut in two by a hash of the ids. Rules, rankings and the shape of the maps were chosen with the
calibration half in view; what is reported is the other half. RESULTS.md tells where that was not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from kedge.agents.extractive import ExtractiveCast
from kedge.agents.extractive.describing import describe
from kedge.benchmarks.datasets.pictures import Captioned, captioned, mmlongbench
from kedge.benchmarks.datasets.rows import json_rows
from kedge.benchmarks.distillation import Examples, distil
from kedge.benchmarks.metrics import bootstrap, f1, hit_at, permutation_test, recall_at
from kedge.benchmarks.metrics.captions import Cider, bleu, rouge_l
from kedge.errors import InputError
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.tools.encoders import FloatArray, MiniLM
from kedge.tools.encoders.alignment import Alignment, align
from kedge.tools.encoders.images import Descriptors
from kedge.tools.knowledge_base import Block, Gallery, KnowledgeBase, ParsedDocument
from kedge.tools.knowledge_base.full_text import FullText
from kedge.tools.knowledge_base.vectors import Vectors
from kedge.tools.search import hybrid, pages

__all__ = ["SECTIONS", "main"]

FILES = ("captions.jsonl", "mmlongbench.jsonl", "opencqa.jsonl", "nlvr.jsonl")
KS = (1, 5, 10)
SHARES = (0.1, 0.25, 0.5, 1.0)
REPEATS = 10
Table = list[tuple[str, ...]]


def in_calibration(name: str) -> bool:
    """Whether the item of this id may be looked at and tuned on.

    Example:
        >>> in_calibration("a"), in_calibration("b")
        (False, True)
    """
    return blake2b(name.encode()).digest()[0] % 2 == 0


# --- alignment ----------------------------------------------------------------------------------------------


async def alignment(data: Path) -> Table:
    """Recall of an image's captions and of a caption's image, among those of the images not fitted on.

    The reported half is cut in two, several times over: one part is asked, and the map is fitted on the other
    and on the calibration half. A score is the mean over the times that an image was asked.
    """
    images = list(captioned(data / "image_text" / "captions.jsonl"))
    everything = await _encoded(images)
    asked = np.array([row for row, image in enumerate(images) if not in_calibration(image.id)])
    rows: Table = [("map", "images", "direction", *(f"R@{k} [95 %]" for k in KS), "p of R@5")]
    chance = _scores(everything, asked, lambda x, y, owners: None, 1.0)
    rows += _lines("chance", "", chance, None)
    identity = _identity(everything[0].shape[1], everything[1].shape[1])
    rows += _lines("identity", "", _scores(everything, asked, lambda x, y, owners: identity, 1.0), chance)
    for share in SHARES:
        for name, fit in FITS.items():
            count = str(round(share * (len(images) - len(asked) / 2)))
            rows += _lines(name, count, _scores(everything, asked, fit, share), chance)
    return rows


Rows = npt.NDArray[np.int64]
Encoded = tuple[FloatArray, FloatArray, Rows]


async def _encoded(images: Sequence[Captioned]) -> Encoded:
    """Vectors of images and of captions, and for each caption the row of its image."""
    opened = [Image.open(image.file).convert("RGB") for image in images]
    captions = [text for image in images for text in image.captions]
    owners = np.array([row for row, image in enumerate(images) for _ in image.captions])
    return await Descriptors().encode(opened), await MiniLM().encode(captions), owners


def _identity(d: int, e: int) -> Alignment:
    zeros, ones = np.zeros, np.ones
    return Alignment(np.eye(d, e), zeros(d), ones(d), zeros(e), ones(e), "least_squares")


Fit = Callable[[FloatArray, FloatArray, list[str]], Alignment | None]

FITS: dict[str, Fit] = {
    "Procrustes": lambda x, y, owners: align(x, y, "procrustes"),
    "robust Procrustes": lambda x, y, owners: align(x, y, "robust_procrustes"),
    "ridge": lambda x, y, owners: align(x, y, "ridge", alpha=1_000.0),
    "least squares": lambda x, y, owners: align(x, y, "least_squares"),
    "by cross-validation": lambda x, y, owners: align(x, y, owners=owners),
}

Scores = dict[tuple[str, int], list[float]]


def _scores(everything: Encoded, asked: Rows, fit: Fit, share: float) -> Scores:
    """Mean hits of each image asked or of its captions, by direction and k; chance without a map."""
    x, y, owners = everything
    random = np.random.default_rng(0)
    sums: dict[tuple[str, int], dict[int, list[float]]] = {}
    for _ in range(REPEATS):
        order = random.permutation(asked)
        for test in np.array_split(order, 2):
            train = random.permutation(np.setdiff1d(np.arange(len(x)), test))
            mine = np.isin(owners, train[: max(4, round(share * len(train)))])
            found = fit(x[owners[mine]], y[mine], [str(o) for o in owners[mine]])
            captions = np.flatnonzero(np.isin(owners, test))
            guess = random.normal(size=(len(test), len(captions)))
            cosines = guess if found is None else found(x[test]) @ y[captions].T
            own = test[:, None] == owners[captions]
            for k in KS:
                for direction, values, right, names in (
                    ("image → text", cosines, own, test),
                    ("text → image", cosines.T, own.T, owners[captions]),
                ):
                    kept = sums.setdefault((direction, k), {})
                    for name, hit in zip(names, _hits(values, right, k), strict=True):
                        kept.setdefault(int(name), []).append(hit)
    return {key: [float(np.mean(kept[name])) for name in sorted(kept)] for key, kept in sums.items()}


def _lines(name: str, count: str, scores: Scores, chance: Scores | None) -> Table:
    table: Table = []
    for direction in ("image → text", "text → image"):
        cells = [_percent(bootstrap(scores[direction, k])) for k in KS]
        p = permutation_test(scores[direction, 5], chance[direction, 5]) if chance else None
        table.append((name, count, direction, *cells, "" if p is None else f"{p:.4f}"))
    return table


def _hits(scores: npt.NDArray[np.floating[Any]], own: npt.NDArray[np.bool_], k: int) -> list[float]:
    order = np.argsort(-scores, axis=1)[:, :k]
    return [float(own[row, best].any()) for row, best in enumerate(order)]


def _percent(interval: object) -> str:
    mean, low, high = (100 * getattr(interval, name) for name in ("mean", "low", "high"))
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"


# --- descriptions -------------------------------------------------------------------------------------------


async def descriptions(data: Path) -> Table:
    """What the extractive cast says of images not fitted on, before and after distillation."""
    images = list(captioned(data / "image_text" / "captions.jsonl"))
    train = [i for i in images if in_calibration(i.id)]
    parts = [
        train[0::4] + train[1::4] + train[2::4],
        train[3::4],
        [i for i in images if not in_calibration(i.id)],
    ]
    fit, validation, test = [await _examples(part) for part in parts]

    async def say(hints: Sequence[str]) -> str | None:
        return describe(hints).text

    async def first(hints: Sequence[str]) -> str | None:
        return hints[0]

    rows: Table = [
        ("description", "rounds", "kept", "n", "said", "BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr-D [95 %]")
    ]
    speakers: tuple[tuple[str, Callable[[Sequence[str]], Awaitable[str | None]]], ...]
    speakers = (("nearest caption", first), ("said by two hints", say))
    for name, speaker in speakers:
        for rounds in (0, 3):
            found = await distil(fit, validation, MiniLM(), speaker, rounds=rounds)
            store = [text for known in fit.captions for text in known] + [text for _, text in found.synthetic]
            vectors = await MiniLM().encode(store)
            said = []
            for mapped in found.alignment(test.vectors):
                near = np.argsort(-(vectors @ mapped))[:5]
                said.append(await speaker([store[row] for row in near]) or "")
            cider = Cider(test.captions)
            scores = [cider(text, known) for text, known in zip(said, test.captions, strict=True)]
            rouge = np.mean([rouge_l(text, known) for text, known in zip(said, test.captions, strict=True)])
            grams = bleu(said, test.captions)
            spoken = sum(bool(text) for text in said)
            cells = (
                f"{grams[0]:.3f}",
                f"{grams[3]:.3f}",
                f"{rouge:.3f}",
                str(bootstrap(scores)).split(" (")[0],
            )
            rows.append(
                (
                    name,
                    str(len(found.rounds) - 1),
                    str(len(found.synthetic)),
                    str(len(said)),
                    str(spoken),
                    *cells,
                )
            )
    return rows


async def _examples(images: Sequence[Captioned]) -> Examples:
    vectors = await Descriptors().encode([Image.open(image.file).convert("RGB") for image in images])
    return Examples(tuple(i.id for i in images), vectors, tuple(i.captions for i in images))


# --- pages --------------------------------------------------------------------------------------------------


async def documents(data: Path) -> Table:
    """Recall of evidence pages on MMLongBench, within the document; then answers and abstentions."""
    folder = data / "image_text"
    questions = mmlongbench(folder / "mmlongbench.jsonl")
    asked = [q for q in questions if not in_calibration(q.extra["document"] + q.question)]
    with tempfile.TemporaryDirectory() as place:
        async with KnowledgeBase.open(Path(place) / "base", create=True) as base:
            await base.aadd(sorted((folder / "mmlongbench").glob("*.pdf")))
            gallery = Gallery(base)
            await gallery.aupdate()
            named = {Path(document.source).name: document.id for document in base.documents()}
            whole = _by_pages(base, Path(place) / "pages")
            found: dict[str, list[list[str]]] = {"BM25 over page text": [], "pages": []}
            gold = [q for q in asked if q.gold]
            for question in gold:
                document = named[question.extra["document"]]
                found["BM25 over page text"].append(_bm25(*whole, question.question, document))
                best = await pages(base, question.question, 10, document_id=document)
                found["pages"].append([str(page.number) for page in best])
            rows: Table = [
                ("what", "n", "R@1 [95 %]", "R@5 [95 %]", "hit@1", "hit@5", "p of R@1", "p of R@5")
            ]
            rows += _page_rows(found, [set(q.gold) for q in gold])
            rows += await _answered(base, gallery, asked)
            gallery.close()
    return rows


def _page_rows(found: dict[str, list[list[str]]], gold: Sequence[set[str]]) -> Table:
    def scores(name: str, k: int, measure: Callable[..., float] = recall_at) -> list[float]:
        return [measure(k, ranked, wanted) for ranked, wanted in zip(found[name], gold, strict=True)]

    baseline = next(iter(found))
    return [
        (
            name,
            str(len(gold)),
            *(_percent(bootstrap(scores(name, k))) for k in (1, 5)),
            *(f"{100 * np.mean(scores(name, k, hit_at)):.1f}" for k in (1, 5)),
            *(
                "" if name == baseline else f"{permutation_test(scores(name, k), scores(baseline, k)):.3f}"
                for k in (1, 5)
            ),
        )
        for name in found
    ]


def _by_pages(base: KnowledgeBase, place: Path) -> tuple[FullText, list[tuple[str, str]]]:
    """The baseline: an index that holds each page whole, and the document and number of each entry."""
    from dataclasses import replace

    index, places = FullText(place), list[tuple[str, str]]()
    entries = []
    for document in base.documents():
        texts: dict[int, list[str]] = {}
        for chunk in base.chunks_of(document.id):
            if chunk.kind != "image" and chunk.page is not None:
                texts.setdefault(chunk.page, []).append(chunk.text)
        first = base.chunks_of(document.id)[0]
        for number, parts in texts.items():
            entries.append(replace(first, id=len(places) + 1, title="", heading="", text="\n".join(parts)))
            places.append((document.id, str(number)))
    index.begin()
    index.add(entries)
    index.finish()
    return index, places


def _bm25(index: FullText, places: Sequence[tuple[str, str]], question: str, document: str) -> list[str]:
    hits = sorted(index.search(question, len(places)), key=lambda hit: (-hit[1], hit[0]))
    ranked = [places[number - 1] for number, _ in hits]
    return [number for name, number in ranked if name == document]


async def _answered(base: KnowledgeBase, gallery: Gallery, asked: Sequence[object]) -> Table:
    """Answers and abstentions over all documents at once, by the extractive cast."""
    scores: dict[bool, list[float]] = {True: [], False: []}
    given = 0
    for question in asked:
        context = Context(base, ExtractiveCast(base.encoder), gallery=gallery)
        items = [item async for item in stream(question.question, context, method="multimodal")]  # type: ignore[attr-defined]
        answer = items[-1].text  # type: ignore[union-attr]
        answerable = question.answerable  # type: ignore[attr-defined]
        given += bool(answerable and answer)
        scores[answerable].append(f1(answer, question.answers) if answerable else float(answer is None))  # type: ignore[attr-defined]
    right, refused = bootstrap(scores[True]), bootstrap(scores[False])
    return [
        (f"answers, F1 ({given} given)", str(right.n), _percent(right), *[""] * 5),
        ("unanswerable: refused", str(refused.n), _percent(refused), *[""] * 5),
    ]


# --- charts -------------------------------------------------------------------------------------------------


async def charts(data: Path) -> Table:
    """OpenCQA: which chart a question is about, by its title, and an answer from the text beside it."""
    folder = data / "image_text"
    found = [row for row in json_rows(folder / "opencqa.jsonl") if not in_calibration(row.get(str, "image"))]
    documents = []
    for row in found:
        title, words = row.get(str, "title"), row.get(str, "summary")
        text = f"{title}\n\n{words}"
        blocks = (Block("image", 0, len(title)), Block("paragraph", len(title) + 2, len(text)))
        image = (folder / row.get(str, "image")).read_bytes()
        name = row.get(str, "image")
        documents.append(ParsedDocument(name, name, title[:300], text, "image", blocks, image=image))
    with tempfile.TemporaryDirectory() as place:
        async with KnowledgeBase.open(Path(place) / "base", create=True) as base:
            await base.aadd(documents)
            cast, ranks, scores, answers = ExtractiveCast(base.encoder), [], [], []
            for row in found:
                question = row.get(str, "question")
                evidence = await hybrid(base, question, 10)
                ranked = list(dict.fromkeys(item.chunk.source for item in evidence))
                ranks.append([hit_at(k, ranked, {row.get(str, "image")}) for k in (1, 5)])
                reading = await cast.read(question, evidence)
                answers.append(reading.answer or "")
                scores.append(rouge_l(answers[-1], [row.get(str, "abstractive_answer")]))
    given = [
        (said, [row.get(str, "abstractive_answer")]) for said, row in zip(answers, found, strict=True) if said
    ]
    gram = bleu([said for said, _ in given], [known for _, known in given])[3] if given else 0.0
    return [
        (
            "n",
            "chart first [95 %]",
            "among five [95 %]",
            "answered",
            "ROUGE-L, all [95 %]",
            "BLEU-4, answered",
        ),
        (
            str(len(found)),
            *(_percent(bootstrap([rank[place] for rank in ranks])) for place in (0, 1)),
            str(len(given)),
            str(bootstrap(scores)).split(" (")[0],
            f"{gram:.3f}",
        ),
    ]


# --- scenes ------------------------------------------------------------------------------------------------


async def scenes(data: Path) -> Table:
    """Statements about NLVR's scenes of plain shapes, by rules, from the pixels alone."""
    folder = data / "image_text"
    items = [
        (row.get(str, "image"), row.get(str, "sentence"), row.get(str, "label"))
        for row in json_rows(folder / "nlvr.jsonl")
    ]
    rows: Table = [("half", "n", "right [95 %]", "majority", "p")]
    for half, side in (("calibration", True), ("reported", False)):
        asked = [item for item in items if in_calibration(item[0]) == side]
        cast = ExtractiveCast(MiniLM())
        said = [
            await cast.describe(sentence, (), [(folder / name).read_bytes()]) for name, sentence, _ in asked
        ]
        right = [float(found.text == label) for found, (_, _, label) in zip(said, asked, strict=True)]
        always = [float(label == "true") for _, _, label in asked]
        common = always if np.mean(always) >= 0.5 else [1 - value for value in always]
        p = permutation_test(right, common)
        rows.append(
            (half, str(len(asked)), _percent(bootstrap(right)), f"{100 * np.mean(common):.1f}", f"{p:.4f}")
        )
    return rows


# --- speed --------------------------------------------------------------------------------------------------


async def speed(data: Path) -> Table:
    """Encoding, fitting and searching, on whatever else this machine is doing."""
    rng = np.random.default_rng(0)
    photos = [Image.effect_noise((512, 512), 80).convert("RGB") for _ in range(40)]
    start, cpu = perf_counter(), process_time()
    await Descriptors().encode(photos)
    seconds, used = perf_counter() - start, process_time() - cpu
    rows: Table = [("what", "size", "wall clock", "CPU time")]
    rows.append(
        ("encode", "40 images of 512 px", f"{40 / seconds:.0f} images/s", f"{40 / used:.0f} images/s")
    )
    x, y = rng.normal(size=(1_000, 378)), rng.normal(size=(1_000, 384))
    for method in ("ridge", "procrustes", "robust_procrustes", None):
        start, cpu = perf_counter(), process_time()
        align(x, y, method)
        rows.append(
            (
                f"fit, {method or 'chosen'}",
                "1,000 pairs",
                *(f"{s:.2f} s" for s in (perf_counter() - start, process_time() - cpu)),
            )
        )
    return rows


async def search(data: Path) -> Table:
    """The time of one search among 100,000 image vectors; building the index takes minutes."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(500, 378))
    with tempfile.TemporaryDirectory() as place, Vectors(Path(place)) as index:
        start = perf_counter()
        for first in range(0, 100_000, 5_000):
            rows = centres[rng.integers(0, 500, 5_000)] + 0.5 * rng.normal(size=(5_000, 378))
            unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
            index.add(range(first, first + 5_000), unit)
        built = perf_counter() - start
        times = []
        for row in unit[:200]:
            start = perf_counter()
            index.query(row, 10)
            times.append(1_000 * (perf_counter() - start))
    return [
        ("what", "size", "p50", "p99", "built in"),
        (
            "search",
            "100,000 vectors",
            f"{median(times):.1f} ms",
            f"{np.percentile(times, 99):.1f} ms",
            f"{built:.0f} s",
        ),
    ]


SECTIONS = {
    "alignment": alignment,
    "descriptions": descriptions,
    "documents": documents,
    "charts": charts,
    "scenes": scenes,
    "speed": speed,
    "search": search,
}


def _markdown(rows: Table) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main(given: Sequence[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="kedge bench images", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=[*SECTIONS], help="some sections")
    parser.add_argument("--output", type=Path, help="folder for images.md and images.json")
    options = parser.parse_args(given)
    for name in FILES:
        if not (options.data / "image_text" / name).is_file():
            fix = "name the folder of the data sets; benchmarks/suites/DATA.md says how to get them"
            raise InputError(f"{options.data / 'image_text' / name} does not exist", fix=fix)
    tables: dict[str, Table] = {}
    for name in options.only:
        tables[name] = asyncio.run(SECTIONS[name](options.data))
        sys.stdout.write(f"{name}\n\n{_markdown(tables[name])}\n")
        sys.stdout.flush()
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        text = "\n".join(f"## {name}\n\n{_markdown(rows)}" for name, rows in tables.items())
        (options.output / "images.md").write_text(text)
        (options.output / "images.json").write_text(json.dumps(tables, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
