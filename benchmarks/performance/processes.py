"""Timing whole commands, as a person waits for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

__all__ = ["KEDGE", "PYTHON", "environment", "run", "stub_server", "time_commands"]

PYTHON = sys.executable
KEDGE = str(Path(sys.executable).with_name("kedge"))


def environment(home: Path) -> dict[str, str]:
    """The environment without settings of whoever runs the benchmarks, with `home` as home directory."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("KEDGE_", "XDG_", "PYTHON"))
    }
    return {**kept, "HOME": str(home)}


def run(command: Sequence[str], home: Path, *, codes: Sequence[int] = (0,)) -> str:
    """Standard output of a command, which has to end with one of `codes`."""
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True)  # noqa: S603 - our own
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def time_commands(
    commands: Mapping[str, Sequence[str]], home: Path, repeat: int, *, codes: Sequence[int] = (0,)
) -> dict[str, list[float]]:
    """Seconds of each run of each command, interleaved so that a busy moment of the machine hits all alike.

    The first run of each is left out: it warms the file cache.
    """
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeat + 1):
        for name, command in commands.items():
            start = perf_counter()
            run(command, home, codes=codes)
            seconds[name].append(perf_counter() - start)
    return {name: values[1:] for name, values in seconds.items()}


@contextmanager
def stub_server(home: Path, *options: str) -> Iterator[str]:
    """The URL of a stub server in a process of its own, with options of `python -m kedge.testing`."""
    with subprocess.Popen(  # noqa: S603 - our own
        [PYTHON, "-m", "kedge.testing", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(home),
    ) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
