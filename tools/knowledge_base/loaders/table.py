"""CSV and TSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from kedge.errors import LoadError
from kedge.tools.knowledge_base.loaders._source import Composer, Fields, Source, clean
from kedge.tools.knowledge_base.loaders.rows import TEXT_NAMES, record
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["load_table"]

_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d,.\s]*%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_SAMPLE = 200
_PROSE = 200  # mean characters of a column's cells from which it is taken for prose
_NAMED_PROSE = 80  # the same for a column that is called "text" or the like


def load_table(source: Source, *, fields: Fields) -> Iterator[ParsedDocument | LoadError]:
    """A table as one document, a line a row; or, when a column holds the text of passages, a record a row."""
    text = clean(source.decode(source.read()))
    rows = _rows(source, text)
    header = rows.pop(0) if _has_header(rows, named=fields != Fields()) else []
    for name in (fields.text, fields.title, fields.id):
        if name is not None and name not in header:
            known = ", ".join(header) or "none: the first row is not a header"
            raise source.error(f"no column {name!r}", fix=f"its columns are {known}")
    prose = fields.text or _prose_column(header, rows)
    if prose is not None:
        mapped = Fields(prose, fields.title, fields.id)
        for number, row in enumerate(rows, start=2):
            yield record(source, dict(zip(header, row, strict=False)), number, mapped)
        return
    composer = Composer(source)
    composer.add_table(header, rows)
    yield source.composed("table", composer, metadata={"columns": ", ".join(header)} if header else {})


def _rows(source: Source, text: str) -> list[list[str]]:
    tabs = source.path is not None and source.path.suffix.lower() in (".tsv", ".tab")
    reader = csv.reader(io.StringIO(text), delimiter="\t" if tabs else _delimiter(text))
    try:
        rows = [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        message = f"line {reader.line_num}: not a table: {error}"
        raise source.error(message, fix="look for a quotation mark that is never closed") from None
    rows = [row for row in rows if any(row)]
    if not rows:
        raise source.error("holds no rows", fix="add some content or leave it out")
    return rows


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into the same number of cells most often.

    csv.Sniffer guesses letters on short tables and fails on one column, so it is not used.
    """
    sample = text[:20_000].splitlines(keepends=True)[:50]
    best = (0.0, ",")
    for delimiter in ",\t;|":
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
        except csv.Error:
            continue
        usual = max(set(widths), key=widths.count, default=1)
        if usual > 1:
            agreement = widths.count(usual) / len(widths)
            best = max(best, (agreement, delimiter), key=lambda pair: pair[0])
    return best[1]


def _has_header(rows: Sequence[Sequence[str]], *, named: bool) -> bool:
    """Whether the first row names the columns. Named columns are proof enough that it does."""
    if named:
        return True
    first, sample = rows[0], rows[1:_SAMPLE]
    if not sample or not all(first) or len(set(first)) < len(first) or any(map(_NUMBER.fullmatch, first)):
        return False
    # A name does not come again among the values that it names.
    return not any(cell == name for row in sample for name, cell in zip(first, row, strict=False))


def _prose_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
    means = {}
    for position, name in enumerate(header):
        cells = [row[position] for row in rows[:_SAMPLE] if position < len(row) and row[position]]
        means[name] = sum(map(len, cells)) / len(cells) if cells else 0.0
    by_name = {name.casefold(): name for name in header}
    for known in TEXT_NAMES:
        if known in by_name and means[by_name[known]] >= _NAMED_PROSE:
            return by_name[known]
    longest = max(means, key=means.__getitem__, default=None)
    return longest if longest is not None and means[longest] >= _PROSE else None
