"""Whatever is done to a trace afterwards shows, but for what a chain cannot show."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.errors import StoreError
from kedge.tools.models import TraceFile, verify_trace

SAID = st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3)
RECORDS = st.lists(SAID, min_size=2, max_size=6)


def written(path: Path, records: list[dict[str, str]]) -> list[bytes]:
    path.unlink(missing_ok=True)
    trace = TraceFile(path)
    for record in records:
        trace.append({"record": record})
    return path.read_bytes().splitlines(keepends=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("traces")


@settings(max_examples=100, deadline=None)
@given(records=RECORDS, data=st.data())
def test_one_changed_byte_is_found(folder: Path, records: list[dict[str, str]], data: st.DataObject) -> None:
    path = folder / "bytes.jsonl"
    whole = b"".join(written(path, records))
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    path.write_bytes(whole[:at] + bytes([other]) + whole[at + 1 :])
    assert verify_trace(path).fault is not None


@settings(max_examples=60, deadline=None)
@given(records=RECORDS, data=st.data())
def test_moved_removed_and_added_records_are_found(
    folder: Path, records: list[dict[str, str]], data: st.DataObject
) -> None:
    path = folder / "records.jsonl"
    lines = written(path, records)
    at = data.draw(st.integers(0, len(lines) - 2))
    moved = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
    removed = lines[:at] + lines[at + 1 :]
    doubled = [*lines[: at + 1], lines[at], *lines[at + 1 :]]
    for changed in (moved, removed, doubled):
        path.write_bytes(b"".join(changed))
        found = verify_trace(path)
        assert found.fault is not None
        assert found.records <= at + 1


def test_what_is_missing_at_the_end_shows_to_who_kept_the_last_hash(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    lines = written(path, [{"said": "one"}, {"said": "two"}, {"said": "three"}])
    whole = verify_trace(path)
    assert (whole.records, whole.fault) == (3, None)
    path.write_bytes(b"".join(lines[:2]))
    assert verify_trace(path).fault is None, "a chain alone cannot show this"
    assert verify_trace(path, head=whole.head).fault == "the record with the known hash is missing"
    path.write_bytes(b"".join(lines)[:-10])
    assert verify_trace(path).fault == "record 3 is not a record"


def test_a_trace_written_anew_shows_to_who_kept_the_last_hash(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    written(path, [{"said": "one"}, {"said": "two"}])
    head = verify_trace(path).head
    written(path, [{"said": "one"}, {"said": "no"}])
    assert verify_trace(path).fault is None
    assert verify_trace(path, head=head).fault is not None


def test_a_trace_grows_over_the_years(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    for _ in range(3):
        TraceFile(path).append({"text": "long" * 5_000})
    head = verify_trace(path).head
    TraceFile(path).append({"text": "\ud800 is half a character"})
    found = verify_trace(path, head=head)
    assert (found.records, found.fault) == (4, None)


def write_many(path: Path) -> None:
    trace = TraceFile(path)
    for number in range(20):
        trace.append({"number of my own": number})


def test_processes_share_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_many, args=(path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = verify_trace(path)
    assert (found.records, found.fault) == (60, None)


def test_files_that_are_no_traces_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("just notes\n")
    with pytest.raises(StoreError, match="not a record"):
        TraceFile(path).append({})
    assert verify_trace(path).fault == "record 1 is not a record"
    with pytest.raises(StoreError, match="cannot be read"):
        verify_trace(tmp_path / "missing.jsonl")
    with pytest.raises(StoreError, match="cannot be written"):
        TraceFile(tmp_path).append({})


def test_a_record_is_one_json_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    [line] = written(path, [{"said": "two\nlines"}])
    assert json.loads(line)["record"] == {"said": "two\nlines"}
