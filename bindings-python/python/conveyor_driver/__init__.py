"""The Conveyor CI driver runtime: write one function, and no event, result or log line is lost.

::

    from conveyor_driver import Driver, DriverResult, Run

    driver = Driver("greeter", resources=["greeting"])

    @driver.reconcile
    async def reconcile(run: Run) -> DriverResult:
        name = run.resource["name"]
        run.log(f"greeting {name}")
        return DriverResult.success(f"hello, {name}")

    if __name__ == "__main__":
        print(driver.run())
"""

from __future__ import annotations

from ._codes import (
    Cancelled,
    Closed,
    Conflict,
    ExecFailed,
    Forked,
    Internal,
    LogFull,
    MessageInvalid,
    NotFound,
    OptionsInvalid,
    PermissionDenied,
    TimedOut,
    TlsFailed,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from ._context import current_run
from ._documents import (
    CancelReason,
    ConnectionOptions,
    DriverOptions,
    DriverReport,
    DriverSettings,
    Level,
    LogEntry,
    ManagerOptions,
    Resource,
    Serialization,
    TlsOptions,
)
from ._driver import BaseDriver, Driver, Reconcile
from ._error import ConveyorError
from ._logging import LogHandler, capture_print
from ._manager import DriverManager
from ._native import __version__
from ._outcome import DrainReport, ExecOutput
from ._result import DriverResult, Failed, ReconcileResult, Retry
from ._run import Run, RunLog

__all__ = [
    "BaseDriver",
    "CancelReason",
    "Cancelled",
    "Closed",
    "Conflict",
    "ConnectionOptions",
    "ConveyorError",
    "DrainReport",
    "Driver",
    "DriverManager",
    "DriverOptions",
    "DriverReport",
    "DriverResult",
    "DriverSettings",
    "ExecFailed",
    "ExecOutput",
    "Failed",
    "Forked",
    "Internal",
    "Level",
    "LogEntry",
    "LogFull",
    "LogHandler",
    "ManagerOptions",
    "MessageInvalid",
    "NotFound",
    "OptionsInvalid",
    "PermissionDenied",
    "Reconcile",
    "ReconcileResult",
    "Resource",
    "Retry",
    "Run",
    "RunLog",
    "Serialization",
    "TimedOut",
    "TlsFailed",
    "TlsOptions",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "__version__",
    "capture_print",
    "current_run",
]

for _name in __all__:
    # Tracebacks and results name them as they are imported.
    if isinstance(_public := globals()[_name], type):
        _public.__module__ = __name__
del _name, _public
