"""The command line: `kedge add`, `kedge ask` and the rest; one small file per group of commands.

Start-up matters here: this package imports typer and nothing heavier, each command imports what it needs.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Sequence

from kedge._cli import _adapters, _ask, _bench, _documents, _graph, _health, _search, _serve, _trace
from kedge._cli._app import FAILED, app

__all__ = ["app", "main"]

for group in (_documents, _ask, _search, _graph, _bench, _serve, _adapters, _trace, _health):
    group.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `kedge` and exit; whatever goes wrong is one line on standard error, unless `--debug` is given."""
    # Importing makes objects that stay: looking for garbage among them takes a sixth of the time it takes.
    gc.set_threshold(50_000)
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not sys.warnoptions and "--debug" not in given:
        warnings.simplefilter("ignore")  # they are for those who write programs
    try:
        app(given, prog_name="kedge")
    except Exception as error:  # the last line of defence: whoever reads this did not write Kedge
        if "--debug" in given:
            raise
        first = (str(error).splitlines() or [""])[0]
        fault = "this is a fault in Kedge; run it again as `kedge --debug …` to see where"
        sys.stderr.write(f"error: unexpected {type(error).__name__}: {first} ({fault})\n")
        raise SystemExit(FAILED) from None
    finally:
        gc.freeze()  # else the interpreter looks for garbage once more before it ends: half a second
