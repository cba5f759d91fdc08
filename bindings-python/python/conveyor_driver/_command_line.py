"""The command ``conveyor-driver``: the same program as the native one, in the process of the interpreter."""

from __future__ import annotations

import signal
import sys

from ._native import command_line


def main() -> int:
    # Python's own handler would only take note, and raise once the command is over.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return command_line(["conveyor-driver", *sys.argv[1:]])
