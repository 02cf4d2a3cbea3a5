"""The Python front door: a knowledge base that can be asked."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kedge.agents.expanding import expanding
from kedge.agents.extractive import ExtractiveCast
from kedge.errors import InputError
from kedge.tools import knowledge_base as core
from kedge.tools import search
from kedge.tools.knowledge_base import AddReport, Evidence, RemoveReport
from kedge.tools.models import Budget, Meter
from kedge.tools.waiting import wait

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge._answer import Answer
    from kedge.agents.roles import Cast
    from kedge.graphs.encoding import EncodeReport
    from kedge.graphs.events import Event
    from kedge.graphs.ingest import Estimate
    from kedge.graphs.steering import Pause
    from kedge.tools.adapters import Adapters, AdapterStore, Recipe
    from kedge.tools.adapters.translating import TranslatorRecipe

__all__ = ["KnowledgeBase", "aask", "ask", "astream", "clean_question"]

Search = Callable[[core.KnowledgeBase, str, int], Awaitable[Sequence[Evidence]]]
SEARCHES = ("hybrid", "bm25", "dense", "late_interaction", "ppr")
LOOKING = ("multimodal", "research")
ADAPTED = ("parametric", "combined", "task_only")
MAX_QUESTION = 4_000  # characters; far above any question, far below any document


class KnowledgeBase(core.KnowledgeBase):
    """A directory of documents that can be searched and asked.

    Every method that waits has two forms: `aask` for async code, `ask` for scripts and notebooks (where it
    works inside the running loop, too).

    Example:
        >>> base = KnowledgeBase.open(tmp / "base", create=True)
        >>> report = base.add("examples/world")
        >>> print(base.ask("Who built the lighthouse of Farrow Head?"))  # doctest: +SKIP
    """

    def add(self, *sources: str | Path | core.ParsedDocument, **options: Any) -> AddReport:
        """Add files, folders or globs; unchanged files are left alone, changed ones replaced.

        Options as in `aadd`.
        """
        return wait(self.aadd(sources, **options))

    async def aadd(
        self,
        sources: Sequence[str | Path | core.ParsedDocument],
        *,
        triples: bool = True,
        pictures: bool = True,
        expand: bool = False,
        model: BaseChatModel | None = None,
        meter: Meter | None = None,
        **options: Any,
    ) -> AddReport:
        """Like `add`.

        Args:
            sources: Files, folders or globs, or documents that are read already.
            triples: Read triples for the graph; without, adding is several times faster.
            pictures: Make vectors of the pictures, so that they are found by what they look like.
            expand: Let full text find a chunk by the questions that it answers and the names it goes by, too.
            model: A chat model that reads the triples, and writes those questions, instead of rules.
            meter: What the model's calls are checked against and charged to; no limit by default.
            options: As for the knowledge base below: `fields`, `encoding`, `on_progress`.
        """
        cast = _cast(None, self, model)
        extract = options.pop("extract", None)
        if triples and extract is None:
            extract = cast.extract_triples
            if model is not None:
                from kedge.graphs.ingest import extracting

                extract = extracting(cast, meter or Meter(Budget(seconds=None)))
        if expand:
            extract = expanding(cast, extract)
        report = await super().aadd(_found(sources), extract=extract, **options)
        if pictures:
            await self.gallery.aupdate()
        return report

    def estimate(self, *sources: str | Path | core.ParsedDocument, **options: Any) -> Estimate:
        """What reading these sources with a model would take; options as in `aestimate`."""
        return wait(self.aestimate(sources, **options))

    async def aestimate(
        self,
        sources: Sequence[str | Path | core.ParsedDocument],
        *,
        model: BaseChatModel,
        slots: int = 1,
        **options: Any,
    ) -> Estimate:
        """Like `estimate`: `slots` calls are in flight at once; other options as for `aadd`."""
        from kedge.graphs.ingest import estimate

        return await estimate(self, _found(sources), _cast(None, self, model), slots=slots, **options)

    @cached_property
    def gallery(self) -> core.Gallery:
        """Its pictures, found by what they look like and by what texts say of them."""
        return core.Gallery(self)

    def close(self) -> None:
        """Let go of all files and connections."""
        if "gallery" in self.__dict__:
            self.gallery.close()
        super().close()

    def remove(self, *names: str) -> RemoveReport:
        """Remove documents, by id, source or the file they came from."""
        return wait(self.aremove(names))

    def search(self, query: str, k: int = 10, *, how: str = "hybrid") -> list[Evidence]:
        """The `k` best chunks for a query, best first."""
        return wait(self.asearch(query, k, how=how))

    async def asearch(self, query: str, k: int = 10, *, how: str = "hybrid") -> list[Evidence]:
        """Like `search`."""
        if how not in SEARCHES:
            raise InputError(f"no search is called {how!r}", fix=f"choose from {', '.join(SEARCHES)}")
        find: Search = getattr(search, how)
        return list(await find(self, clean_question(query), k))

    @property
    def adapters(self) -> AdapterStore:
        """Where the adapters of these documents are kept."""
        from kedge.tools.adapters import AdapterStore

        return AdapterStore(self.path / "adapters")

    def encode(self, model: str, **options: Any) -> EncodeReport:
        """Train an adapter of `model` for every passage; options as in `aencode`."""
        return wait(self.aencode(model, **options))

    async def aencode(
        self,
        model: str,
        *,
        recipe: Recipe | None = None,
        task: Sequence[tuple[str, str]] = (),
        cast: Cast | Literal["extractive", "llm"] = "extractive",
        augment_model: BaseChatModel | None = None,
        **options: Any,
    ) -> EncodeReport:
        """Like `encode`; what is encoded already is left alone.

        Args:
            model: The model that is served: its folder, or its name on the hub.
            recipe: How to train; PRAG's way by default.
            task: Turns (user, assistant) for an adapter that knows the task and no document, see `prompt`.
            cast: Who asks questions about the passages.
            augment_model: The chat model of the cast `llm`.
            options: As for `encode_passages`: `together`, `meter`, `on_progress`.

        Raises:
            MissingExtra: torch or transformers is not installed.
            AdapterError: there is no such model, or it cannot be trained so.
        """
        from kedge.graphs.encoding import encode_passages, encoded_task
        from kedge.tools.adapters import Encoding, Recipe, base_of
        from kedge.tools.adapters.training import encode, load_model

        chunks = [chunk for document in self.documents() for chunk in self.chunks_of(document.id)]
        encoding = Encoding(model=model, base=base_of(model), recipe=recipe or Recipe())
        train = partial(encode, *load_model(model))
        if task:
            encoding = encoded_task(task, self.adapters, encoding, train)
        augmenter = _cast(cast, self, augment_model)
        return await encode_passages(
            chunks, self.adapters, encoding, augmenter=augmenter, train=train, **options
        )

    def translate(self, model: str, **options: Any) -> EncodeReport:
        """Give every passage an adapter without training it; options as in `atranslate`."""
        return wait(self.atranslate(model, **options))

    async def atranslate(
        self,
        model: str,
        *,
        recipe: TranslatorRecipe | None = None,
        most: int = 200,
        cast: Cast | Literal["extractive", "llm"] = "extractive",
        augment_model: BaseChatModel | None = None,
        on_learning: Callable[[int, int, float], None] = lambda done, total, loss: None,
        **options: Any,
    ) -> EncodeReport:
        """Like `translate`: a translator learns from the passages that are encoded, once, and does the rest.

        From then on the methods use the translated adapters; `encode` makes them use the trained ones again.

        Args:
            model: The model that is served, as for `encode`.
            recipe: How the translator is trained; DyPRAG's way by default.
            most: Passages that it learns from.
            cast: Who asked the questions that the trained adapters have learnt.
            augment_model: The chat model of the cast `llm`.
            on_learning: Told how many steps of learning are done, of how many, and the loss.
            options: As for `encode_passages`: `together`, `on_progress`.

        Raises:
            MissingExtra: torch or transformers is not installed.
            AdapterError: there is no such model, or nothing was encoded for it.
        """
        from kedge.graphs.encoding import encode_passages, learnt_pairs
        from kedge.tools.adapters import base_of
        from kedge.tools.adapters import translating as dyprag
        from kedge.tools.adapters.training import load_model

        loaded, store = load_model(model), self.adapters
        encoding, recipe = store.encoding(base_of(model)).translated(""), recipe or dyprag.TranslatorRecipe()
        chunks = [chunk for document in self.documents() for chunk in self.chunks_of(document.id)]
        augmenter = _cast(cast, self, augment_model)
        pairs = await learnt_pairs(chunks, store, encoding, augmenter=augmenter, most=most)
        translator = await asyncio.to_thread(
            dyprag.learnt_once, store.root, *loaded, pairs, encoding, recipe, on_progress=on_learning
        )
        return await encode_passages(
            chunks,
            store,
            translator.record.translated,
            augmenter=None,
            train=partial(dyprag.translate_each, *loaded, translator),
            **options,
        )

    def ask(self, question: str, **options: Any) -> Answer:
        """Answer a question from these documents, or say why not; options as in `aask`."""
        return wait(aask(self, question, **options))

    async def aask(self, question: str, **options: Any) -> Answer:
        """Like `ask`."""
        return await aask(self, question, **options)

    def _repr_html_(self) -> str:
        from kedge._views.notebook import base_html

        return base_html(self)

    def astream(self, question: str, **options: Any) -> AsyncIterator[Event | Answer]:
        """Events as they happen, and the answer last; options as in `aask`."""
        return astream(self, question, **options)


def _found(sources: Sequence[str | Path | core.ParsedDocument]) -> list[str | Path | core.ParsedDocument]:
    """The files that paths, folders and globs name, and the ready documents."""
    parsed = [source for source in sources if isinstance(source, core.ParsedDocument)]
    files = core.find([source for source in sources if not isinstance(source, core.ParsedDocument)])
    return [*files, *parsed]


async def astream(
    base: core.KnowledgeBase,
    question: str,
    *,
    method: str | None = None,
    images: Sequence[str | Path | bytes] = (),
    cast: Cast | Literal["extractive", "llm"] | None = None,
    model: BaseChatModel | None = None,
    budget: Budget | None = None,
    thread: str | None = None,
    from_round: int | None = None,
    pause: Pause | None = None,
    search: Search | None = None,
) -> AsyncIterator[Event | Answer]:
    """Answer a question as a stream: every event as it happens, and the `Answer` last.

    Args:
        base: The knowledge base to answer from.
        question: At most 4,000 characters, one line of plain text.
        method: `metakgrag`, `parallel`, `research` (which chooses between them), `multimodal` (which looks at
            pictures and pages, and is the default with images), or a baseline: `sequential`, `splitting`,
            `retrieve_read`, `closed_book` (which needs `model`). Or, with a vLLM that takes adapters,
            `parametric` or `combined`, and their controls `text`, `vanilla` and `task_only`.
        images: Image files, or their bytes, that the question is about.
        cast: Who plays the roles: `extractive`, `llm` (which needs `model`), or your own; by default
            the model, where one is given.
        model: A LangChain chat model.
        budget: What it may cost; three rounds and a minute by default.
        thread: A name that makes the run resumable: the same question in the same thread goes on where it
            stopped.
        from_round: Go on from before this round of the thread, counted from 0, whatever came after it.
        pause: Is awaited after each round that does not suffice, with a `Proposal` of where to look next;
            returns a `Choice`: accept it, change entity or aim, or stop.
        search: How methods look for passages, `metakgrag` beside its walks; `hybrid` by default.

    Raises:
        InputError: the question or an argument cannot be used.
    """
    from kedge._answer import Answer
    from kedge.graphs.context import Context
    from kedge.graphs.events import Event
    from kedge.graphs.run import stream
    from kedge.tools.search import hybrid

    question = clean_question(question)
    files = tuple(map(_image, images))
    method = method or ("multimodal" if files else "metakgrag")
    if files and method not in LOOKING:
        raise InputError(f"the method {method} looks at no images", fix=f"use {' or '.join(LOOKING)}")
    with _gallery(base) as gallery:
        context = Context(
            base,
            _cast(cast, base, model),
            model=model,
            meter=Meter(budget or Budget()),
            adapters=_adapters(base, model) if method in ADAPTED else None,
            images=files,
            gallery=gallery,
            search=search or hybrid,
        )
        async for item in stream(
            question,
            context,
            method=method,
            checkpoints=base.path / "checkpoints.sqlite",
            thread=thread,
            from_round=from_round,
            pause=pause,
        ):
            yield item if isinstance(item, Event) else Answer(**dict(item))


@contextmanager
def _gallery(base: core.KnowledgeBase) -> Iterator[core.Gallery]:
    """The pictures of a knowledge base; opened for this question alone where it does not keep them open."""
    if isinstance(base, KnowledgeBase):
        yield base.gallery
    else:
        gallery = core.Gallery(base)
        try:
            yield gallery
        finally:
            gallery.close()


def _image(given: str | Path | bytes) -> bytes:
    """The bytes of an image file that can be opened; nothing is fetched from the web.

    Raises:
        InputError: it is a URL, or there is no such file.
        LoadError: it is not an image, or too large.
    """
    from kedge.tools.images import opened

    if isinstance(given, bytes):
        opened(given)
        return given
    if "://" in str(given):
        raise InputError(f"{given}: is a URL, and nothing is fetched", fix="save the image in a file")
    path = Path(given)
    if not path.is_file():
        raise InputError(f"{given}: no such image", fix="check the path")
    if path.stat().st_size > core.Limits().bytes:
        raise InputError(f"{given}: is larger than 64 MB", fix="make it smaller")
    data = path.read_bytes()
    opened(data, str(given))
    return data


def _cast(cast: Cast | str | None, base: core.KnowledgeBase, model: BaseChatModel | None) -> Cast:
    """The cast of this name; without one, the language model's where there is a model."""
    if cast is not None and not isinstance(cast, str):
        return cast
    if cast == "extractive" or (cast is None and model is None):
        return ExtractiveCast(base.encoder)
    if cast not in ("llm", None):
        raise InputError(f"no cast is called {cast!r}", fix="choose from extractive, llm")
    if model is None:
        raise InputError("the cast llm needs a language model", fix="name one with --model URL")
    from kedge.agents.llm import LlmCast

    return LlmCast(model)


def _adapters(base: core.KnowledgeBase, model: BaseChatModel | None) -> Adapters | None:
    """The adapters of this knowledge base, for the server that the client asks; none for other models."""
    from pydantic import SecretStr

    from kedge.tools.adapters import Adapters, AdapterStore, Injector
    from kedge.tools.models import Endpoint, ModelClient

    models = model.models if isinstance(model, ModelClient) else [model]
    match models:
        case [Endpoint(openai_api_base=str(url), openai_api_key=key)]:
            secret = key.get_secret_value() if isinstance(key, SecretStr) else None
            injector = Injector(url, api_key=secret)
            return Adapters(AdapterStore(base.path / "adapters"), injector, rank=injector.limits.rank)
        case [_, _, *_]:
            raise InputError("adapters go to one server", fix="name one URL, not several")
    return None


async def aask(base: core.KnowledgeBase, question: str, **options: Any) -> Answer:
    """Answer a question from a knowledge base, or say why not; options as in `astream`."""
    from kedge._answer import Answer

    items = [item async for item in astream(base, question, **options)]
    assert isinstance(items[-1], Answer)  # noqa: S101 - what a stream ends with
    return items[-1]


def ask(base: core.KnowledgeBase, question: str, **options: Any) -> Answer:
    """Answer a question from a knowledge base, or say why not; options as in `astream`."""
    return wait(aask(base, question, **options))


def clean_question(question: str) -> str:
    """The question on one line.

    Raises:
        InputError: it is empty, longer than 4,000 characters, or holds control characters.

    Example:
        >>> clean_question("  Who built\\nthe pier? ")
        'Who built the pier?'
    """
    text = " ".join(question.split())
    if not text:
        raise InputError("the question is empty", fix="ask something")
    if len(text) > MAX_QUESTION:
        length = f"{len(text):,} characters"
        raise InputError(
            f"the question has {length}", fix=f"at most {MAX_QUESTION:,}; add long texts as documents"
        )
    control = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs")), None)
    if control is not None:
        raise InputError(f"the question holds the control character U+{ord(control):04X}", fix="remove it")
    return text
