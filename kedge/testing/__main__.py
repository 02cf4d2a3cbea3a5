"""`python -m kedge.testing`: a stub server in a process of its own.

It prints its URL on the first line, and runs until its standard input is closed or it is interrupted. What
it has seen is at `/stub`: how many requests were served, are in flight, and were at most.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from kedge.testing import StubServer

__all__ = ["main"]


def main() -> None:
    """Serve until whoever started this goes away."""
    parser = argparse.ArgumentParser(prog="python -m kedge.testing", description=__doc__)
    parser.add_argument("--reply", default="ok", help="what it always says")
    parser.add_argument("--script", metavar="MODULE:FUNCTION", help="a function of the request, instead")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    given = parser.parse_args()
    script = given.reply
    if given.script:
        module, _, name = given.script.partition(":")
        script = getattr(import_module(module), name)
    with StubServer(script, latency=given.latency, port=given.port, keep=0) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
