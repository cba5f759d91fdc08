"""Which run the code at hand belongs to."""

from __future__ import annotations

import contextvars

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._run import Run

__all__ = ["current_run"]

CURRENT: contextvars.ContextVar[Run | None] = contextvars.ContextVar("conveyor_run", default=None)


def current_run() -> Run | None:
    """The run that this code is part of; ``None`` outside of every run.

    Tasks and ``asyncio.to_thread`` started by a reconcile inherit it, plain threads do not.
    """
    return CURRENT.get()
