"""Measures: of answers and refusals, of retrieval, of plans, and of how sure a difference is."""

from kedge.benchmarks.metrics.agreement import Agreement, agreement
from kedge.benchmarks.metrics.answers import contains, credit, exact_match, f1, normalise
from kedge.benchmarks.metrics.cheatability import (
    Guess,
    bipartitions,
    cheatability,
    combined,
    conditional,
    contrasted,
    support_f1,
)
from kedge.benchmarks.metrics.intervals import Interval, bootstrap, mcnemar, permutation_test, stratified
from kedge.benchmarks.metrics.plans import edit_distance, same_shape
from kedge.benchmarks.metrics.refusals import WEIGHT, Outcome, Ratios, joint, outcome_of, ratios
from kedge.benchmarks.metrics.retrieval import hit_at, recall_at
from kedge.benchmarks.metrics.risk import Point, area, calibration_error, risk_coverage, threshold

__all__ = [
    "WEIGHT",
    "Agreement",
    "Guess",
    "Interval",
    "Outcome",
    "Point",
    "Ratios",
    "agreement",
    "area",
    "bipartitions",
    "bootstrap",
    "calibration_error",
    "cheatability",
    "combined",
    "conditional",
    "contains",
    "contrasted",
    "credit",
    "edit_distance",
    "exact_match",
    "f1",
    "hit_at",
    "joint",
    "mcnemar",
    "normalise",
    "outcome_of",
    "permutation_test",
    "ratios",
    "recall_at",
    "risk_coverage",
    "same_shape",
    "stratified",
    "support_f1",
    "threshold",
]
