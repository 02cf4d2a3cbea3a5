"""A corpus of four films, their directors and some bystanders, and the sides that they are on."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.benchmarks.crumq.corpus import Page
from kedge.benchmarks.crumq.facts import Facts, read_facts
from kedge.benchmarks.datasets import Passage
from kedge.tools.knowledge_base import Triple

TEXTS = {
    "lantern": ("Lantern Hill", "Lantern Hill is a 1931 film directed by Ada Quill."),
    "ferry": ("Ferry Night", "Ferry Night is a 1936 film directed by Ada Quill."),
    "harbour": ("Harbour Song", "Harbour Song is a 1950 film directed by Bo Marrick."),
    "ada": ("Ada Quill", "Ada Quill was born on 3 June 1902 in Saltmarsh. She was married to Cy Dask."),
    "bo": ("Bo Marrick", "Bo Marrick was born on 4 May 1911. He died in 1980."),
    "cy": ("Cy Dask", "Cy Dask was born on 9 March 1899."),
    "pier": ("Hesk Pier", "Hesk Pier was opened in 1936."),
}
TRIPLES = [
    ("lantern", "Lantern Hill", "is", "film"),
    ("lantern", "Lantern Hill", "directed by", "Ada Quill"),
    ("lantern", "Lantern Hill", "released in", "1931"),
    ("ferry", "Ferry Night", "is", "film"),
    ("ferry", "Ferry Night", "directed by", "Ada Quill"),
    ("ferry", "Ferry Night", "released in", "1936"),
    ("harbour", "Harbour Song", "is", "film"),
    ("harbour", "Harbour Song", "directed by", "Bo Marrick"),
    ("harbour", "Harbour Song", "released in", "1950"),
    ("ada", "Ada Quill", "born on", "3 June 1902"),
    ("ada", "Ada Quill", "born in", "Saltmarsh"),
    ("ada", "Ada Quill", "married to", "Cy Dask"),
    ("bo", "Bo Marrick", "born on", "4 May 1911"),
    ("bo", "Bo Marrick", "died in", "1980"),
    ("cy", "Cy Dask", "born on", "9 March 1899"),
    ("pier", "Hesk Pier", "opened in", "1936"),
]
OUTSIDE = ("ada", "pier")


def corpus() -> list[Passage]:
    return [Passage(id, title, text) for id, (title, text) in TEXTS.items()]


def pages(outside: Sequence[str] = OUTSIDE) -> list[Page]:
    return [
        Page(
            id=p.id,
            title=p.title,
            text=p.text,
            side="external" if p.id in outside else "internal",
            topic=p.title,
        )
        for p in corpus()
    ]


def facts() -> Facts:
    triples = [(d, Triple(n, s, r, o, n, 0.9)) for n, (d, s, r, o) in enumerate(TRIPLES, start=1)]
    return read_facts(corpus(), triples)
