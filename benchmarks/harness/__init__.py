"""The harness: asks any method the questions of any set, keeps every answer, and says what they come to.

`recorded` asks and writes down, `scores` says what the records come to, `finished` writes the report, and
`compared` sets runs side by side. On the command line it is `kedge bench run` and `kedge bench compare`.
"""

from kedge.benchmarks.harness.asking import ASKABLE, Task, answered, asked, local, record
from kedge.benchmarks.harness.runs import Run, finished, read_run, recorded
from kedge.benchmarks.harness.scoring import Score, scores

__all__ = [
    "ASKABLE",
    "Run",
    "Score",
    "Task",
    "answered",
    "asked",
    "finished",
    "local",
    "read_run",
    "record",
    "recorded",
    "scores",
]
