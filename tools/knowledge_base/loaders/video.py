"""Videos, by PyAV: what subtitles say, and the pictures that are new, each with what is said meanwhile."""

from __future__ import annotations

import contextlib
import glob
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from kedge.errors import LoadError
from kedge.tools.images import can_read, read_text
from kedge.tools.knowledge_base.loaders._source import Composer, Source
from kedge.tools.knowledge_base.loaders.subtitles import Cue, cues, plain, utterances
from kedge.tools.knowledge_base.records import ParsedDocument, clock

if TYPE_CHECKING:
    import av

__all__ = ["Scene", "load_video"]

# By its suffix, so that a playlist under another name is not followed to the files that it lists.
_DEMUXERS = {"mp4": "mov", "m4v": "mov", "mov": "mov", "mkv": "matroska", "webm": "matroska", "avi": "avi"}
_SUBTITLES = (".srt", ".vtt")
_WRITTEN = frozenset({"srt", "subrip", "mov_text", "webvtt", "ass", "ssa", "text"})  # others are pictures
_SIDE = 32  # pixels of the small copies that are compared
_NEW = 20.0  # mean difference of their levels, 0 to 255, from which on a picture is another one
_PLAIN = 4.0  # standard deviation of the levels of a picture that shows nothing
_MOST = 200  # pictures of one video
_LEAST = 1.0  # seconds between two
_SECOND = 1_000_000  # of a video's own clock
_LONG = 1_200.0  # seconds beyond which only key frames are looked at, which encoders put where scenes change
_LONGEST = 1_200  # pixels of a side that is kept
_QUALITY = 88
_SAID = 200  # characters of what is said meanwhile

Small = npt.NDArray[np.float32]


class Scene(NamedTuple):
    """A picture, and the seconds from when it is first seen to the next one."""

    start: float
    end: float
    image: Image.Image


def load_video(source: Source) -> Iterator[ParsedDocument]:
    """The one document of a video: what its subtitles say, and the pictures that look like none before.

    Subtitles come first: a paragraph for each utterance of those inside the video. A file of them is a
    document of its own; where one stands beside the video, it counts instead. Each picture is an image block
    that tells what is said while it is shown. Sound is not listened to.
    """
    said = _beside(source)
    composer = Composer(source)
    if not said:
        said = _inside(source)
        for spoken in utterances(said):
            composer.add("paragraph", spoken.text, time=(spoken.start, spoken.end))
    end = 0.0
    for scene in _scenes(source):
        end = scene.end
        seen = read_text(scene.image) if can_read() else ""
        words = " ".join(cue.text for cue in said if scene.start <= (cue.start + cue.end) / 2 < scene.end)
        text = f"Frame at {clock(scene.start)}\n{seen}\n{words[:_SAID]}"
        composer.add_figure(text, data=_jpeg(scene.image), time=(scene.start, scene.end))
    if not composer.blocks:
        raise source.error("shows nothing that could be kept", fix="check that it plays, or leave it out")
    yield source.document(
        "video", composer.text, composer.blocks, metadata={"length": clock(end)}, figures=composer.figures
    )


def _beside(source: Source) -> list[Cue]:
    """The subtitles of `talk.mp4`: of `talk.srt`, else of `talk.en.vtt` or the like."""
    if source.path is None:
        return []
    names = source.path.parent.glob(f"{glob.escape(source.path.stem)}.*")
    files = [file for file in names if file.suffix.lower() in _SUBTITLES and file.is_file()]
    for file in sorted(files, key=lambda file: (len(file.name), file.name)):
        subtitles = Source.of_path(file, encoding=source.encoding, limits=source.limits)
        try:
            return cues(subtitles.decode(subtitles.read()))
        except LoadError:
            continue  # adding that file tells what is wrong with it
    return []


def _inside(source: Source) -> list[Cue]:
    """The first subtitles of a video that are text, in the order of time."""
    found = []
    room = source.limits.bytes
    with _opened(source) as video:
        from av.subtitles.subtitle import AssSubtitle

        contexts = ((stream, stream.codec_context) for stream in video.streams.subtitles)
        streams = [stream for stream, context in contexts if context and context.name in _WRITTEN]
        for packet in video.demux(streams[:1]) if streams else ():
            if packet.pts is None:
                continue
            start = float(packet.pts * packet.time_base)
            end = start + float((packet.duration or 0) * packet.time_base)
            parts = (part for part in packet.decode() if isinstance(part, AssSubtitle))
            text = " ".join(plain(part.dialogue.decode(errors="replace")) for part in parts)
            room -= len(text)
            if room < 0:
                raise source.too_large("the text of its subtitles")
            if text:
                found.append(Cue(start, end, text))
    return sorted(found)


def _scenes(source: Source) -> Iterator[Scene]:
    """The pictures of a video that are kept, in the order of time."""
    with _opened(source) as video:
        if not video.streams.video:
            raise source.error("has no pictures", fix="leave it out")
        yield from _new(source, video)


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[av.container.InputContainer]:
    try:
        import av
    except ImportError:
        raise source.error(
            "is a video, and PyAV is not installed", fix="pip install 'kedge[video]'"
        ) from None
    suffix = source.path.suffix.lower().removeprefix(".") if source.path else ""
    with source.open() as file:
        if not file.read(1):
            raise source.error("is empty", fix="leave it out")
    try:
        with source.open() as file, av.open(file, "r", _DEMUXERS.get(suffix, "mov")) as video:
            yield video
    except (av.FFmpegError, UnicodeDecodeError):
        raise source.error("is not a video that can be read", fix="check the file, or its suffix") from None


def _new(source: Source, video: av.container.InputContainer) -> Iterator[Scene]:
    """The pictures that differ from all before them, not too many, and none that shows nothing."""
    seconds = (video.duration or 0) / _SECOND
    stream = video.streams.video[0]
    stream.thread_type = "AUTO"
    context = stream.codec_context
    context.skip_frame = "NONKEY" if seconds > _LONG else "DEFAULT"
    if context.width * context.height > source.limits.pixels:
        raise source.error(f"has more than {source.limits.pixels:,} pixels", fix="make it smaller")
    apart = max(_LEAST, seconds / _MOST)
    shown: Scene | None = None
    known: list[Small] = []
    now = 0.0
    for frame in video.decode(stream):
        now = now if frame.time is None else frame.time
        if len(known) == _MOST or (shown and now < shown.start + apart):
            continue
        small = frame.reformat(_SIDE, _SIDE, "rgb24").to_ndarray().astype(np.float32)
        if small.std() > _PLAIN and _is_new(small, known):
            if shown:
                yield shown._replace(end=now)
            shown = Scene(now, now, frame.to_image().rotate(frame.rotation, expand=True))
            known.append(small)
    if shown:
        yield shown._replace(end=max(seconds, now))


def _is_new(small: Small, known: Sequence[Small]) -> bool:
    return all(float(np.abs(small - other).mean()) > _NEW for other in known)


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((_LONGEST, _LONGEST))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
