"""Runs a command in a process group of its own, and ends the whole group when whoever started it is gone.

    python _supervise.py SECONDS COMMAND...

Started by path, with nothing but the standard library, and with a pipe as standard input. When the pipe
closes, because its other end was closed or the process that held it died in whatever way, or on SIGTERM,
the group gets SIGTERM and, after so many seconds, SIGKILL. When the command ends by itself, what it left
behind is killed. The exit status is that of the command, or 128 and the signal that ended it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

__all__ = ["supervise"]


class _Stop(BaseException):
    """Raised where the command is waited for."""


def supervise(patience: float, command: list[str]) -> int:
    """Run `command` until it ends or standard input does; returns its exit status."""
    signal.signal(signal.SIGTERM, _stop)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - asked for
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        child.wait()
    except _Stop:
        _tell(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)
    _tell(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise _Stop


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _tell(group: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody is left
        os.killpg(group, what)


if __name__ == "__main__":
    sys.exit(supervise(float(sys.argv[1]), sys.argv[2:]))
