"""Subtitles and videos: what is said and shown, and when."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kedge import KnowledgeBase
from kedge.agents.extractive import ExtractiveCast
from kedge.errors import LoadError
from kedge.graphs.context import Context
from kedge.graphs.run import stream
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Chunk, ParsedDocument, caption, load
from kedge.tools.knowledge_base.loaders.subtitles import Cue, cues, utterances

SRT = """1
00:00:01,000 --> 00:00:02,500
The fog bell of Skerrivane

2
00:00:02,600 --> 00:00:04,000
is rung <i>every</i> {\\an8}ninety seconds.

3
01:00:06,000 --> 01:00:09,250
The keeper is Ada Moss.
"""
VTT = """WEBVTT - some words

NOTE
00:09 is no time of a cue

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Ada>Who rings &amp; when?</v>

00:02.000 --> 00:04.000
Who rings &amp; when?
<00:00:03.000><c>Nobody</c> does.
"""


def only(path: Path) -> ParsedDocument:
    [document] = load(path)
    assert isinstance(document, ParsedDocument)
    return document


def filmed(path: Path, scenes: Sequence[np.ndarray[Any, Any]], *, seconds: int = 2, rate: int = 5) -> Path:
    """A video of 64 × 48 pixels that shows each of these pictures for so many seconds."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as video:
        stream = video.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in scenes:
            for _ in range(seconds * rate):
                video.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        video.mux(stream.encode())
    return path


def sign(colour: str) -> np.ndarray[Any, Any]:
    image = Image.new("RGB", (64, 48), colour)
    image.paste("white", (20, 10, 44, 30))
    return np.asarray(image)


BLACK = np.zeros((48, 64, 3), np.uint8)


def test_an_utterance_goes_over_several_cues_and_has_its_time(tmp_path: Path) -> None:
    (tmp_path / "bell.srt").write_text(SRT)
    document = only(tmp_path / "bell.srt")
    assert document.kind == "subtitles"
    assert (
        document.text == "The fog bell of Skerrivane is rung every ninety seconds.\n\nThe keeper is Ada Moss."
    )
    assert [block.time for block in document.blocks] == [(1.0, 4.0), (3606.0, 3609.25)]


def test_notes_styles_and_markup_of_webvtt_are_left_out_and_speakers_are_not(tmp_path: Path) -> None:
    (tmp_path / "talk.vtt").write_bytes(VTT.replace("\n", "\r\n").encode("utf-8-sig"))
    assert only(tmp_path / "talk.vtt").text == "Ada: Who rings & when?\n\nWho rings & when? Nobody does."


def test_captions_that_roll_are_said_once() -> None:
    rolling = "00:01.0 --> 00:02.0\none\n\n00:02.0 --> 00:03.0\none\ntwo\n\n00:03.0 --> 00:04.0\ntwo"
    assert [cue.text for cue in cues(rolling)] == ["one", "two"]


@pytest.mark.parametrize(
    ("second", "parted"),
    [(Cue(2, 3, "on it goes"), False), (Cue(9, 10, "on it goes"), True), (Cue(2, 3, "- Ahoy"), True)],
)
def test_a_pause_or_another_voice_begins_an_utterance(second: Cue, parted: bool) -> None:
    assert len(utterances([Cue(1, 2, "It goes on"), second])) == 1 + parted


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789:,.->\n <v>{}\\é", max_size=200))
def test_no_text_brings_the_cues_down(text: str) -> None:
    found = cues("00:01.0 --> 00:02.0\n" + text)
    assert all(0 <= cue.start <= cue.end and cue.text for cue in found)
    assert [cue.start for cue in found] == sorted(cue.start for cue in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [("Nothing but words.\n", "holds no subtitles"), ("", "is empty"), ("\x89PNG\r\n", "binary content")],
)
def test_what_holds_no_subtitles_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.srt").write_text(text, encoding="latin-1")
    with pytest.raises(LoadError, match=message):
        list(load(tmp_path / "bad.srt"))


def subtitled(path: Path, film: Path, subtitles: Path) -> Path:
    """A copy of a film with these subtitles inside."""
    av = pytest.importorskip("av")
    with av.open(str(film)) as seen, av.open(str(subtitles)) as said, av.open(str(path), "w") as video:
        streams = [video.add_stream_from_template(part.streams[0]) for part in (seen, said)]
        for part, stream in zip((seen, said), streams, strict=True):
            for packet in part.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    video.mux(packet)
    return path


def test_subtitles_inside_a_video_come_first_unless_a_file_of_them_stands_beside_it(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    film = filmed(tmp_path / "raw" / "film.mkv", [sign("red"), sign("blue")])
    (tmp_path / "raw" / "said.srt").write_text(
        "1\n00:00:00,500 --> 00:00:01,500\n<i>The red sign</i>\nwarns.\n\n"
        "2\n00:00:02,500 --> 00:00:03,500\nThe blue sign allows.\n"
    )
    film = subtitled(tmp_path / "film.mkv", film, tmp_path / "raw" / "said.srt")
    document = only(film)
    first, second, red, _ = document.blocks
    assert document.text[first.start : first.end] == "The red sign warns."
    assert (first.time, second.time) == ((0.5, 1.5), (2.5, 3.5))
    assert document.text[red.start : red.end] == "Frame at 0:00\n\nThe red sign warns."
    (tmp_path / "film.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nAhoy.\n")
    assert only(film).text == "Frame at 0:00\n\nAhoy.\n\nFrame at 0:02"


async def test_a_citation_carries_the_time_at_which_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "bell.srt").write_text(SRT)
    async with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd([tmp_path / "bell.srt"])
        context = Context(base, ExtractiveCast(base.encoder))
        *_, answer = [item async for item in stream("Who is the keeper?", context, method="retrieve_read")]
    assert answer.text == "Ada Moss"
    assert [citation.time for citation in answer.citations] == [(3606.0, 3609.25)]


def test_times_are_stored_with_their_chunk_and_go_with_it(tmp_path: Path) -> None:
    (tmp_path / "bell.srt").write_text(SRT)
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        base.add(tmp_path / "bell.srt")
        [document] = base.documents()
        [chunk] = base.chunks_of(document.id)
        assert chunk.time() == (1.0, 3609.25)
        assert chunk.time(4, 12) == (1.0, 4.0)
        base.remove(document.id)
        assert base.chunks_of(document.id) == []


def test_a_chunk_that_is_of_no_recording_has_no_time() -> None:
    assert Chunk(1, "d", "a.txt", "a", "", "Ahoy", 0, 4).time() is None


def test_a_video_is_its_scenes_once_each_and_nothing_plain(tmp_path: Path) -> None:
    film = filmed(tmp_path / "film.mp4", [sign("red"), BLACK, sign("blue"), sign("red"), sign("blue")])
    document = only(film)
    assert (document.kind, document.metadata["length"]) == ("video", "0:10")
    assert document.text == "Frame at 0:00\n\nFrame at 0:04"
    [first, second] = document.blocks
    assert first.time == (0.0, 4.0)
    assert second.time == (4.0, 10.0)
    [_, figure] = document.figures
    assert figure.start == second.start
    assert figure.data.startswith(b"\xff\xd8")


def test_a_frame_tells_what_is_said_meanwhile_and_the_subtitles_are_a_document_of_their_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "films").mkdir()
    filmed(tmp_path / "films" / "film.mkv", [sign("red"), sign("blue")])
    words = "00:00.5 --> 00:01.5\nThe red sign warns.\n\n00:02.5 --> 00:03.5\nThe blue sign allows.\n"
    (tmp_path / "films" / "film.en.vtt").write_text(f"WEBVTT\n\n{words}")
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        report = base.add(tmp_path / "films")
        assert (report.added, report.failed) == (2, ())
        kinds = {document.kind: document.id for document in base.documents()}
        [red, blue] = base.chunks_of(kinds["video"])
        assert (caption(red), red.time()) == ("The red sign warns.", (0.0, 2.0))
        assert (caption(blue), blue.time()) == ("The blue sign allows.", (2.0, 4.0))
        still = Image.fromarray(sign("blue"))
        [(nearest, _), *_] = asyncio.run(base.gallery.near(still, 2))
        assert nearest == blue.id
    assert {"subtitles", "video"} == set(kinds)


def test_without_the_extra_a_video_is_refused_and_the_rest_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *rest, **named)

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "film.mp4").write_bytes(b"anything")
    (tmp_path / "docs" / "film.srt").write_text(SRT)
    monkeypatch.setattr(builtins, "__import__", without)
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        report = base.add(tmp_path / "docs")
    assert report.added == 1
    [failure] = report.failed
    assert "pip install 'kedge[video]'" in str(failure.error)


@pytest.mark.parametrize(
    "data",
    [b"not a video", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"\x00\x00\x00\x18ftypmp42" + b"\0" * 90],
)
def test_what_is_no_video_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    pytest.importorskip("av")
    (tmp_path / "film.mp4").write_bytes(data)
    with pytest.raises(LoadError, match=r"film\.mp4: is not a video that can be read"):
        list(load(tmp_path / "film.mp4"))
    (tmp_path / "film.mp4").write_bytes(b"")
    with pytest.raises(LoadError, match=r"film\.mp4: is empty"):
        list(load(tmp_path / "film.mp4"))


def test_a_video_that_is_cut_off_or_shows_nothing_is_refused(tmp_path: Path) -> None:
    film = filmed(tmp_path / "film.mp4", [sign("red")])
    film.write_bytes(film.read_bytes()[:600])
    with pytest.raises(LoadError, match="is not a video that can be read"):
        list(load(film))
    with pytest.raises(LoadError, match="shows nothing that could be kept"):
        list(load(filmed(tmp_path / "dark.mp4", [BLACK])))
