"""Measures: of answers, of retrieval, and of how sure a difference is."""

from kedge.benchmarks.metrics.answers import contains, exact_match, f1, normalise
from kedge.benchmarks.metrics.intervals import Interval, bootstrap, mcnemar, permutation_test
from kedge.benchmarks.metrics.retrieval import hit_at, recall_at

__all__ = [
    "Interval",
    "bootstrap",
    "contains",
    "exact_match",
    "f1",
    "hit_at",
    "mcnemar",
    "normalise",
    "permutation_test",
    "recall_at",
]
