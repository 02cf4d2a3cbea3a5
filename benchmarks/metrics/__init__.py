"""Measures: of answers, of retrieval, of plans, and of how sure a difference is."""

from kedge.benchmarks.metrics.answers import contains, exact_match, f1, normalise
from kedge.benchmarks.metrics.intervals import Interval, bootstrap, mcnemar, permutation_test
from kedge.benchmarks.metrics.plans import edit_distance, same_shape
from kedge.benchmarks.metrics.retrieval import hit_at, recall_at

__all__ = [
    "Interval",
    "bootstrap",
    "contains",
    "edit_distance",
    "exact_match",
    "f1",
    "hit_at",
    "mcnemar",
    "normalise",
    "permutation_test",
    "recall_at",
    "same_shape",
]
