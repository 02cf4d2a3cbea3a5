"""Suites: methods on public data sets, with baselines and ablations measured in the same run."""
