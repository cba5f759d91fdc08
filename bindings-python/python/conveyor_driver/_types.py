"""What a reconcile is, for whoever checks types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ._result import DriverResult
from ._run import Run

__all__ = ["Reconcile", "ReconcileResult"]

#: What a reconcile may return: a result, the document of one, or nothing for a good result.
ReconcileResult = DriverResult | dict[str, Any] | None
#: A reconcile: ``def`` or ``async def``, with the run as its one argument.
Reconcile = Callable[[Run], ReconcileResult | Awaitable[ReconcileResult]]
