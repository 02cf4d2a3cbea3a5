"""Public data sets: questions, corpora and ready-made triples, read from their official files."""

from kedge.benchmarks.datasets.adding import (
    add_annotated,
    add_graph,
    add_musique,
    add_passages,
    add_two_wiki,
)
from kedge.benchmarks.datasets.corpora import (
    kb_tsv,
    mtrag_un_passages,
    openie,
    passages,
    squad_passages,
    two_wiki_triples,
)
from kedge.benchmarks.datasets.decompositions import (
    Decomposition,
    break_qdmr,
    fanoutqa,
    musique_steps,
    strategyqa,
)
from kedge.benchmarks.datasets.loading import Loader
from kedge.benchmarks.datasets.questions import (
    averrin,
    hotpotqa,
    lihua,
    metaqa,
    mtrag_un,
    multihop_rag,
    musique,
    pathquestion,
    rows_with,
    squad,
    two_wiki,
    wc2014,
)
from kedge.benchmarks.datasets.records import (
    AnnotatedPassage,
    Fact,
    Passage,
    Question,
    passage_id,
    readable,
)
from kedge.benchmarks.datasets.unanswerable import crumqs, uaeval4rag

__all__ = [
    "READERS",
    "AnnotatedPassage",
    "Decomposition",
    "Fact",
    "Loader",
    "Passage",
    "Question",
    "add_annotated",
    "add_graph",
    "add_musique",
    "add_passages",
    "add_two_wiki",
    "averrin",
    "break_qdmr",
    "crumqs",
    "fanoutqa",
    "hotpotqa",
    "kb_tsv",
    "lihua",
    "metaqa",
    "mtrag_un",
    "mtrag_un_passages",
    "multihop_rag",
    "musique",
    "musique_steps",
    "openie",
    "passage_id",
    "passages",
    "pathquestion",
    "readable",
    "rows_with",
    "squad",
    "squad_passages",
    "strategyqa",
    "two_wiki",
    "two_wiki_triples",
    "uaeval4rag",
    "wc2014",
]

READERS: dict[str, Loader] = {
    "averrin": averrin,
    "crumqs": crumqs,
    "hotpotqa": hotpotqa,
    "lihua": lihua,
    "mtrag_un": mtrag_un,
    "multihop_rag": multihop_rag,
    "musique": musique,
    "rows_with": rows_with,
    "squad": squad,
    "two_wiki": two_wiki,
    "uaeval4rag": uaeval4rag,
}
"""The readers of questions that are asked of documents, by name."""
