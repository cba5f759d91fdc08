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
    ApiFailed,
    ApiRefused,
    ArgumentInvalid,
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
    ResponseInvalid,
    ResponseTooLarge,
    TimedOut,
    TlsFailed,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
    WouldDeadlock,
)
from ._context import current_run
from ._driver import BaseDriver, Driver
from ._error import ConveyorError
from ._manager import DriverManager
from ._native import __version__
from ._result import DriverResult, Failed, Retry
from ._run import Run, RunLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._client import AsyncClient, AsyncLogStream, Client, LogStream
    from ._documents import (
        CancelReason,
        ClientOptions,
        ConnectionOptions,
        CreatedResource,
        DriverOptions,
        DriverReport,
        DriverSettings,
        GapReason,
        Level,
        LogEntry,
        LogEvent,
        ManagerOptions,
        NewLogEntry,
        NewResource,
        Pipeline,
        PipelineStep,
        Resource,
        ResourceDefinition,
        Serialization,
        TlsOptions,
    )
    from ._logging import LogHandler, capture_print
    from ._outcome import DrainReport, ExecOutput
    from ._types import Reconcile, ReconcileResult

__all__ = [
    "ApiFailed",
    "ApiRefused",
    "ArgumentInvalid",
    "AsyncClient",
    "AsyncLogStream",
    "BaseDriver",
    "CancelReason",
    "Cancelled",
    "Client",
    "ClientOptions",
    "Closed",
    "Conflict",
    "ConnectionOptions",
    "ConveyorError",
    "CreatedResource",
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
    "GapReason",
    "Internal",
    "Level",
    "LogEntry",
    "LogEvent",
    "LogFull",
    "LogHandler",
    "LogStream",
    "ManagerOptions",
    "MessageInvalid",
    "NewLogEntry",
    "NewResource",
    "NotFound",
    "OptionsInvalid",
    "PermissionDenied",
    "Pipeline",
    "PipelineStep",
    "Reconcile",
    "ReconcileResult",
    "Resource",
    "ResourceDefinition",
    "ResponseInvalid",
    "ResponseTooLarge",
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
    "WouldDeadlock",
    "__version__",
    "capture_print",
    "current_run",
]

#: What takes long to import and is not needed to run a driver.
_LATER = {
    "AsyncClient": "_client",
    "AsyncLogStream": "_client",
    "CancelReason": "_documents",
    "Client": "_client",
    "ClientOptions": "_documents",
    "ConnectionOptions": "_documents",
    "CreatedResource": "_documents",
    "DrainReport": "_outcome",
    "DriverOptions": "_documents",
    "DriverReport": "_documents",
    "DriverSettings": "_documents",
    "ExecOutput": "_outcome",
    "GapReason": "_documents",
    "Level": "_documents",
    "LogEntry": "_documents",
    "LogEvent": "_documents",
    "LogHandler": "_logging",
    "LogStream": "_client",
    "ManagerOptions": "_documents",
    "NewLogEntry": "_documents",
    "NewResource": "_documents",
    "Pipeline": "_documents",
    "PipelineStep": "_documents",
    "Reconcile": "_types",
    "ReconcileResult": "_types",
    "Resource": "_documents",
    "ResourceDefinition": "_documents",
    "Serialization": "_documents",
    "TlsOptions": "_documents",
    "capture_print": "_logging",
}


def __getattr__(name: str) -> object:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = found
    return _named(found)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _named(public: object) -> object:
    """Tracebacks and results name it as it is imported."""
    if isinstance(public, type):
        public.__module__ = __name__
    return public


for _name in __all__:
    if _name not in _LATER:
        _named(globals()[_name])
del _name
