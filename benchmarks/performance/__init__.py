"""How fast Kedge is, and how much memory it takes: each figure with its goal and a reference of the same run.

`python -m kedge.benchmarks.performance` (or `make bench`) measures everything and writes `RESULTS.md`.
"""
