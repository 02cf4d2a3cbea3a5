"""How the multimodal method looks: where a question sends it, and what it makes out in images and parts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from kedge.agents.decisions import Gap
from kedge.agents.extractive.describing import is_statement
from kedge.agents.roles import Locator
from kedge.errors import BudgetExceeded, DecisionFailed, InputError
from kedge.graphs.answer import Answer, Citation
from kedge.graphs.context import Context
from kedge.tools.images import WHOLE, Box, as_png, opened, proposals, read_text
from kedge.tools.knowledge_base import Evidence, Gallery, KnowledgeBase, caption
from kedge.tools.search import similar

__all__ = [
    "Look",
    "Place",
    "Route",
    "cropped",
    "described",
    "destinations",
    "gallery_of",
    "looked",
    "part",
    "refined",
    "told_of",
    "with_regions",
]

HINTS = 5  # texts about similar images
COMPARED = 50  # pictures, among which are those that may be similar
# A picture that is more times as far from an image as one that shows the same is not like it: by the embedded
# descriptors, so far apart are nine in ten pairs of photos of anything.
FAR = 3

Place = Literal["text", "images", "pages"]

_IMAGE = r"(?:pictures?|images?|photos?|photographs?|drawings?)"
_DESCRIBE = re.compile(
    rf"(?i)\b(describe|caption|what (?:is|are|can be) (?:seen|shown|visible|depicted)|what do(?:es)? you see|"
    rf"what does (?:this|the) {_IMAGE} show|what(?:'s| is) (?:in|on) (?:this|the) {_IMAGE})"
)
_VISIBLE = re.compile(
    rf"(?i)\b(how many|(?:what|which) colou?r|wearing|holding|on the (?:left|right)|written|read|say)\b"
    rf".*\b({_IMAGE}|sign|here|this|these)\b"
)
_SHOWN = re.compile(rf"(?i)\b({_IMAGE}|flags?|maps?|logos?|shown|depicted|looks? like)\b")
_PAGED = re.compile(r"(?i)\b(?:page|slide|figure|fig|chart|table|graph|diagram|plot|exhibit)s?\b")


class Route(BaseModel):
    """Whether to search at all, and where."""

    model_config = ConfigDict(frozen=True)

    search: bool
    places: tuple[Place, ...] = ()


class Look(BaseModel):
    """What was made out of one image, or of a part of it, before or without reading anything else.

    `text` is what stands in it; `alike` are chunks about pictures that show the same, best first.
    """

    model_config = ConfigDict(frozen=True)

    image: int
    box: Box
    text: str = ""
    alike: tuple[int, ...] = ()


def destinations(question: str, *, images: int, paged: bool) -> Route:
    """Where to look for the answer to a question that comes with so many images.

    What can be seen in the image itself needs no search. `paged` says whether there are documents with pages.

    Example:
        >>> destinations("Who designed this flag?", images=1, paged=False).places
        ('text', 'images')
        >>> destinations("What is in this picture?", images=1, paged=False).search
        False
        >>> destinations("How many tonnes does the chart show for 1927?", images=0, paged=True).places
        ('text', 'pages')
    """
    if images and (is_statement(question) or described(question) or _VISIBLE.search(question)):
        return Route(search=False)
    places: list[Place] = ["text"]
    if images or _SHOWN.search(question):
        places.append("images")
    if paged and _PAGED.search(question):
        places.append("pages")
    return Route(search=True, places=tuple(places))


def described(question: str) -> bool:
    """Whether a question asks for no more than what an image shows.

    Example:
        >>> described("What is shown in this picture?"), described("Who is the man in this picture?")
        (True, False)
    """
    return bool(_DESCRIBE.search(question))


def refined(question: str, gaps: Sequence[Gap], names: Sequence[str], asked: Sequence[str]) -> str | None:
    """A query that was not asked yet: the question with what is missing, or with what an image shows.

    Example:
        >>> gap = Gap(kind="relation", target="flag", slot="designer", description="who designed it")
        >>> refined("Who designed this?", [gap], ["The flag of Averrin"], ["Who designed this?"])
        'Who designed this? The flag of Averrin'
    """
    wanted = [f"{gap.target} {gap.slot}".strip() for gap in gaps]
    for extra in (*names, *wanted):
        query = f"{question} {extra}".strip()
        if extra and query not in asked:
            return query
    return None


def with_regions(answer: Answer, base: KnowledgeBase) -> Answer:
    """The answer with the file and the box of each picture that a citation tells of."""
    abstention = answer.abstention
    nearest = abstention.nearest if abstention else ()
    cited = {citation.chunk_id for citation in (*answer.citations, *nearest)}
    pictures = {picture.chunk_id: picture for picture in base.pictures(sorted(cited))}

    def placed(citation: Citation) -> Citation:
        picture = pictures.get(citation.chunk_id)
        if picture is None:
            return citation
        file = str(base.path / "images" / picture.file)
        return citation.model_copy(update={"picture": file, "box": picture.box})

    update: dict[str, object] = {"citations": tuple(map(placed, answer.citations))}
    if abstention:
        update["abstention"] = abstention.model_copy(update={"nearest": tuple(map(placed, nearest))})
    return answer.model_copy(update=update)


def gallery_of(context: Context) -> Gallery:
    """The pictures to compare with.

    Raises:
        InputError: There are none.
    """
    if context.gallery is None:
        raise InputError("images are looked at with a gallery", fix="give Context(gallery=Gallery(base))")
    return context.gallery


async def looked(context: Context, number: int, data: bytes) -> Look:
    """What stands in an image, and which pictures show the same as the whole of it."""
    image = await asyncio.to_thread(opened, data, f"image {number + 1}")
    gallery = gallery_of(context)
    same = await asyncio.to_thread(gallery.same, data)
    near = [n for n, cosine in await gallery.near(image, HINTS) if cosine >= gallery.encoder.alike]
    text = await asyncio.to_thread(read_text, image)
    return Look(image=number, box=WHOLE, text=text, alike=tuple(dict.fromkeys((*same, *near))))


async def cropped(context: Context, question: str, number: int, data: bytes, count: int) -> list[Look]:
    """What parts of an image show, as far as pictures here show the same."""
    image = await asyncio.to_thread(opened, data, f"image {number + 1}")
    gallery, looks = gallery_of(context), []
    boxes = [*await _pointed_at(context, question, data), *await asyncio.to_thread(proposals, image)]
    for box in boxes[: max(0, count)]:
        near = await gallery.near(box.crop(image), HINTS)
        alike = tuple(n for n, cosine in near if cosine >= gallery.encoder.alike)
        looks.append(Look(image=number, box=box, alike=alike))
    return looks


async def _pointed_at(context: Context, question: str, data: bytes) -> Sequence[Box]:
    """The parts of an image that a model would crop; one that comes to no decision points at nothing."""
    if context.model is None or not isinstance(context.cast, Locator):
        return ()
    try:
        return await context.meter.play("locate", context.cast.locate, question, data)
    except (BudgetExceeded, DecisionFailed):
        return ()


async def told_of(gallery: Gallery, data: bytes) -> list[Evidence]:
    """What is said of pictures like this one, and of those of them that lie where it is mapped."""
    image = await asyncio.to_thread(opened, data)
    compared = await similar(gallery, image, COMPARED)
    least = 1 - FAR * (1 - gallery.encoder.alike)
    like = [item for item in compared if item.score >= least]
    first, others = like[:HINTS], {item.chunk.id for item in like[HINTS:]}
    mapped = dict(await gallery.texts_for(image, HINTS, own=[item.chunk.id for item in first]))
    near = [
        Evidence(c, mapped[c.id], "lies near the image")
        for c in gallery.base.chunks(list(mapped))
        if c.id in others
    ]
    return [item for item in (*first, *near) if caption(item.chunk)]


def part(data: bytes, box: Box) -> bytes:
    """A part of an image as a PNG file."""
    return as_png(box.crop(opened(data)))
