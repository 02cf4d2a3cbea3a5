"""Questions of public data sets, and of our own examples, one function for each.

Each is a `Loader`: it takes the path of a file and reads the official format as well as re-splits that keep
its field names. All raise `LoadError`, naming file and line, at the first row that does not fit; with a list
`refused`, such rows are left out and told there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from kedge.benchmarks.datasets.loading import by_row, fitting
from kedge.benchmarks.datasets.records import Passage, Question, passage_id, readable
from kedge.benchmarks.datasets.rows import Row, csv_rows, json_rows, json_value, row, tab_rows
from kedge.errors import LoadError

__all__ = [
    "averrin",
    "hotpotqa",
    "lihua",
    "metaqa",
    "mtrag_un",
    "multihop_rag",
    "musique",
    "pathquestion",
    "rows_with",
    "squad",
    "squad_paragraphs",
    "two_wiki",
    "wc2014",
]


@by_row
def averrin(item: Row) -> Question:
    """The questions of `examples/questions.jsonl`; `gold` holds sources, relative to the world's folder."""
    answerable = item.get(bool, "answerable")
    answers = (item.get(str, "answer"), *item.texts("aliases")) if answerable else ()
    supports = item.rows("support")
    return Question(
        item.get(str, "id"),
        item.get(str, "question"),
        answers,
        answerable=answerable,
        hops=item.get(int, "hops"),
        kind=item.get(str, "type"),
        gold=_unique(support.get(str, "source") for support in supports),
        extra=_extra(item, "split", "reason", "missing", "support"),
    )


@by_row
def hotpotqa(item: Row) -> Question:
    """HotpotQA; `gold` holds titles."""
    return Question(
        item.get(str, "_id", "id"),
        item.get(str, "question"),
        (item.get(str, "answer"),),
        hops=2,
        kind=item.find(str, "type", ""),
        gold=_titles(item),
        extra=_extra(item, "level", "supporting_facts"),
    )


@by_row
def two_wiki(item: Row) -> Question:
    """2WikiMultiHopQA; `gold` holds titles, or chunk ids in re-splits that give them.

    A question whose support is absent from the corpus by design (`absent_support_titles`) is unanswerable;
    what would answer it elsewhere stands in `extra["outside"]`.
    """
    absent = "absent_support_titles" in item.data
    kind = item.get(str, "hop_type", "type")
    return Question(
        item.get(str, "id", "_id"),
        item.get(str, "question"),
        () if absent else (item.get(str, "answer"),),
        answerable=not absent,
        hops=item.find(int, "hop_count", 4 if kind == "bridge_comparison" else 2),
        kind=kind,
        gold=() if absent else _titles(item),
        extra={
            **_extra(item, "gold_triples", "evidences", "supporting_facts", "absent_support_titles"),
            **({"outside": [item.get(str, "answer")]} if absent else {}),
        },
    )


@by_row
def musique(item: Row) -> Question:
    """MuSiQue, answerable or full; `gold` holds the `passage_id` of each supporting paragraph.

    In the full set an unanswerable question has the id of its answerable twin: `/unanswerable` is added.
    """
    answerable = item.find(bool, "answerable", True)
    steps = item.rows("question_decomposition")
    identity = item.get(str, "id")
    return Question(
        identity if answerable else f"{identity}/unanswerable",
        item.get(str, "question"),
        _unique([item.get(str, "answer"), *item.texts("answer_aliases")]) if answerable else (),
        answerable=answerable,
        hops=len(steps),
        kind=identity.split("__")[0],
        gold=_unique(
            passage_id(paragraph.get(str, "title"), paragraph.get(str, "paragraph_text"))
            for paragraph in item.rows("paragraphs")
            if paragraph.find(bool, "is_supporting", False)
        ),
        extra={**_extra(item, "question_decomposition"), "twin": None if answerable else identity},
    )


@by_row
def lihua(item: Row) -> Question:
    """LiHua-World; `gold` holds document ids as the data set spells them, four of them wrongly."""
    answerable = item.get(bool, "answerable")
    gold = _unique(item.texts("evidence_doc_ids"))
    return Question(
        item.get(str, "id"),
        item.get(str, "question"),
        (item.get(str, "answer"),) if answerable else (),
        answerable=answerable,
        hops=len(gold) or None,
        kind=item.get(str, "type"),
        gold=gold,
    )


def multihop_rag(path: str | Path, *, refused: list[str] | None = None) -> Iterator[Question]:
    """MultiHop-RAG (`MultiHopRAG.json`); `gold` holds titles, and a null query is unanswerable."""
    numbers = count()

    def read(item: Row) -> Question:
        kind = item.get(str, "question_type")
        gold = _unique(evidence.get(str, "title") for evidence in item.rows("evidence_list"))
        null = kind == "null_query"
        return Question(
            f"multihop-rag-{next(numbers)}",
            item.get(str, "query"),
            () if null else (item.get(str, "answer"),),
            answerable=not null,
            hops=len(gold) or None,
            kind=kind,
            gold=gold,
        )

    return fitting(json_rows(Path(path), refused), read, refused)


@by_row
def mtrag_un(item: Row) -> Question:
    """MTRAG-UN: the last turn of each conversation; `gold` holds the ids of its contexts.

    `kind` is what people made of it: answerable, partial, unanswerable or under-specified. Only the first
    counts as answerable. The turns before stand in `extra["turns"]`.
    """
    turns = item.rows("input")
    if not turns:
        raise LoadError(f"{item.where}: no turn", fix="compare it with the official release")
    kind = next(iter(item.texts("answerability")), "").lower()
    answerable = kind == "answerable"
    targets = [target.get(str, "text") for target in item.rows("targets")]
    return Question(
        item.get(str, "task_id"),
        turns[-1].get(str, "text"),
        _unique(targets) if answerable else (),
        answerable=answerable,
        kind=kind,
        gold=_unique(context.get(str, "document_id") for context in item.rows("contexts")),
        extra={"turns": [turn.get(str, "text") for turn in turns[:-1]], "targets": targets},
    )


def rows_with(
    path: str | Path,
    *,
    question: str = "question",
    answer: str = "answer",
    id: str = "id",
    gold: str = "gold",
    answerable: str = "answerable",
    kind: str = "kind",
    refused: list[str] | None = None,
) -> Iterator[Question]:
    """Questions of any JSON, JSON Lines or CSV file, by the names of its fields.

    An answer may be a string or a list; without one the question is unanswerable, and so it is where the
    field `answerable` says so. A row without id is called by its number.

    Raises:
        LoadError: A row has no question, an id comes twice, or the file cannot be read. With `refused`, rows
            that do not fit are left out, and told there.

    Example:
        >>> path = tmp / "mine.csv"
        >>> _ = path.write_text("query,reply\\nWho built it?,Ada\\nWhy?,\\n")
        >>> [(q.id, q.answers, q.answerable) for q in rows_with(path, question="query", answer="reply")]
        [('1', ('Ada',), True), ('2', (), False)]
    """
    path, numbers = Path(path), count(1)

    def read(item: Row) -> Question:
        number, said = next(numbers), item.data.get(answer) or ()
        answers = (said,) if isinstance(said, str) else item.texts(answer) if said else ()
        marked = str(item.data.get(answerable, "true")).lower()
        can = bool(answers) and marked not in ("false", "0", "no")
        support = item.texts(gold) if isinstance(item.data.get(gold), list) else ()
        name = str(item.data.get(id, number))
        return Question(
            name,
            item.get(str, question),
            answers if can else (),
            answerable=can,
            kind=str(item.data.get(kind, "")),
            gold=support,
        )

    rows = (csv_rows if path.suffix == ".csv" else json_rows)(path, refused)
    return fitting(rows, read, refused)


def metaqa(path: str | Path, *, refused: list[str] | None = None) -> Iterator[Question]:
    """MetaQA, as JSONL or in the official text form (`question<TAB>answer|answer`).

    The topic entity stands in brackets in the question and alone in `extra["topic_entity"]`. `answers` are
    all of the answer. Where the graph at hand cannot reach the official answers, `extra["kb_exact"]` is false
    and `extra["kb_answers"]`, if any, says what it can reach.
    """
    path = Path(path)
    if path.suffix == ".txt":
        return _metaqa_text(path)
    return fitting(json_rows(path, refused), _metaqa, refused)


@by_row
def pathquestion(item: Row) -> Question:
    """PathQuestion; names are made readable, as in the graph that `kb_tsv` reads.

    `extra["gold_path"]` and `extra["topic_entity"]` keep the names of the file.
    """
    return _graph_question(item, "gold_path")


@by_row
def wc2014(item: Row) -> Question:
    """WorldCup2014; names are made readable, as in the graph that `kb_tsv` reads.

    `extra["gold_paths"]` keeps the names of the file; a question of kind `conjunction` has two of them.
    """
    return _graph_question(item, "gold_paths")


def squad(path: str | Path, *, refused: list[str] | None = None) -> Iterator[Question]:
    """SQuAD 1.1 and 2.0; `gold` is the `passage_id` of the question's paragraph."""
    home: dict[str, str] = {}

    def rows() -> Iterator[Row]:
        for paragraph, passage in squad_paragraphs(Path(path)):
            for item in paragraph.rows("qas"):
                home[item.where] = passage.id
                yield item

    def read(item: Row) -> Question:
        impossible = item.find(bool, "is_impossible", False)
        answers = item.rows("answers")
        return Question(
            item.get(str, "id"),
            item.get(str, "question"),
            () if impossible else _unique(answer.get(str, "text") for answer in answers),
            answerable=not impossible,
            hops=1,
            kind="span",
            gold=(home[item.where],),
            extra=_extra(item, "answers", "plausible_answers"),
        )

    return fitting(rows(), read, refused)


def squad_paragraphs(path: Path) -> Iterator[tuple[Row, Passage]]:
    """The paragraphs of a file in the format of SQuAD, each also as a passage."""
    for article in row(str(path), json_value(path)).rows("data"):
        title = readable(article.get(str, "title"))
        for paragraph in article.rows("paragraphs"):
            context = paragraph.get(str, "context")
            yield paragraph, Passage(passage_id(title, context), title, context)


def _graph_question(item: Row, gold_field: str) -> Question:
    gold = item.get(list, gold_field)
    paths = gold if gold_field == "gold_paths" else [gold]
    return Question(
        item.get(str, "id"),
        " ".join(readable(word) for word in item.get(str, "question").split()),
        _unique(readable(answer) for answer in item.texts("all_answers")),
        hops=max(map(len, paths)),
        kind="conjunction" if len(paths) > 1 else "path",
        extra=_extra(item, gold_field, "topic_entity", "answer"),
    )


def _metaqa(item: Row) -> Question:
    return Question(
        item.get(str, "id"),
        item.get(str, "question"),
        item.texts("answers"),
        hops=item.get(int, "hops"),
        kind=item.find(str, "qtype", ""),
        extra={
            **_extra(item, "topic_entity", "relation_path", "kb_exact", "kb_answers"),
            "all_answers": True,
        },
    )


def _metaqa_text(path: Path) -> Iterator[Question]:
    for number, (question, answers) in enumerate(tab_rows(path, 2)):
        topic = question.partition("[")[2].partition("]")[0]
        yield Question(
            f"{path.stem}-{number}",
            question,
            tuple(answers.split("|")),
            extra={"topic_entity": topic, "all_answers": True},
        )


def _titles(item: Row) -> tuple[str, ...]:
    for name in ("gold_support_chunk_ids", "gold_titles"):
        if name in item.data:
            return _unique(item.texts(name))
    return _unique(title for title, _ in item.pairs("supporting_facts"))


def _extra(item: Row, *names: str) -> dict[str, Any]:
    return {name: item.data[name] for name in names if name in item.data}


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
