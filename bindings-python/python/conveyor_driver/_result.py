"""How a reconcile can end."""

from __future__ import annotations

from . import _arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from types import TracebackType
    from typing import Any

    from . import _native
    from ._types import ReconcileResult

__all__ = ["DriverResult", "Failed", "Retry"]


class DriverResult:
    """What a driver run came to.

    Make one with ``DriverResult.success("done")`` or ``DriverResult.failure("no such branch")``.
    """

    __slots__ = ("data", "message", "succeeded")

    #: Whether the pipeline goes on.
    succeeded: bool
    #: One line for people.
    message: str
    #: Anything later steps may need, as JSON has it. Keep it small.
    data: Any

    def __init__(self, succeeded: bool, message: str = "", data: Any = None) -> None:
        self.succeeded = succeeded
        self.message = message
        self.data = data

    @classmethod
    def success(cls, message: str = "", data: Any = None) -> DriverResult:
        """A good result: the pipeline goes on."""
        return cls(True, message, data)

    @classmethod
    def failure(cls, message: str = "", data: Any = None) -> DriverResult:
        """A bad result: the pipeline stops here."""
        return cls(False, message, data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DriverResult):
            return NotImplemented
        return (self.succeeded, self.message, self.data) == (
            other.succeeded,
            other.message,
            other.data,
        )

    def __repr__(self) -> str:
        kind = "success" if self.succeeded else "failure"
        return f"DriverResult.{kind}({self.message!r}, {self.data!r})"


class Retry(Exception):
    """Raised by a reconcile that wants another attempt.

    ``after`` is the delay in seconds, or a ``timedelta``, 30 days at most. Without it the delay grows with
    each attempt. After ``max_attempts`` the event is answered with a failed result.
    """

    # A subclass may do without this class's constructor.
    message: str = ""
    after: float | datetime.timedelta | None = None

    def __init__(self, message: str = "", *, after: float | datetime.timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.after = None if after is None else _seconds(after)


def _seconds(after: float | datetime.timedelta) -> float:
    """A delay in seconds; whatever is none is refused."""
    total = getattr(after, "total_seconds", None)
    return _arguments.seconds("after", after if total is None else total())  # type: ignore[arg-type]


class Failed(Exception):
    """Raised by a reconcile that did not come to a good result.

    The event is answered with a failed result of this message, and of this data beside ``error``.
    """

    message: str = ""
    data: Any = None

    def __init__(self, message: str = "", data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


_MEMBERS = ("success", "message", "data")


def finish(run: _native.Run, returned: ReconcileResult) -> None:
    """Completes a run with what its reconcile returned."""
    if returned is None:
        run.end(True, "", None)
    elif isinstance(returned, DriverResult):
        run.end(returned.succeeded, returned.message, returned.data)
    elif isinstance(returned, dict):
        for member in returned:
            if member not in _MEMBERS:
                raise TypeError(
                    f"reconcile returned a dict with the unknown member {member!r}; "
                    "a result has success, message and data"
                )
        if "success" not in returned:
            raise TypeError("reconcile returned a dict without the member 'success'")
        run.end(returned["success"], returned.get("message", ""), returned.get("data"))
    elif hasattr(returned, "__await__"):
        if hasattr(returned, "close"):
            returned.close()
        raise TypeError(
            f"reconcile is a def that returned {_kind(returned)}; write async def to have it awaited"
        )
    else:
        raise TypeError(
            f"reconcile returned {_kind(returned)}; return DriverResult.success(...), "
            "DriverResult.failure(...), a dict with 'success', or None"
        )


def fail(run: _native.Run, error: BaseException) -> None:
    """Completes a run with what its reconcile raised, whatever that is."""
    try:
        _tell(run, error)
    except Exception as unfit:
        # The data are not JSON, say: that is what went wrong then.
        run.fail(_name(unfit), _text(unfit), _traceback(error), None)


def _tell(run: _native.Run, error: BaseException) -> None:
    if isinstance(error, Retry):
        run.retry(_text(error), None if error.after is None else _seconds(error.after))
    elif isinstance(error, Failed):
        # Meant as it is: where it was raised says nothing, unless something was behind it.
        traceback = _traceback(error) if error.__cause__ else None
        run.fail("Failed", _text(error), traceback, error.data)
    else:
        run.fail(_name(error), _text(error), _traceback(error), None)


def _kind(value: object) -> str:
    return type(value).__qualname__


def _name(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return f"<{_kind(error)} whose text cannot be read>"


_LONGEST = 16 * 1024


def _traceback(error: BaseException) -> str:
    from traceback import format_exception

    try:
        text = "".join(format_exception(type(error), error, _own(error.__traceback__)))
    except BaseException:
        return f"<the traceback of {_kind(error)} cannot be read>"
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]}\n… {len(text) - _LONGEST} characters left out …\n{text[-half:]}"
    return text.rstrip("\n")


def _own(frames: TracebackType | None) -> TracebackType | None:
    """The frames from the user's function on."""
    first = frames
    while first is not None and first.tb_frame.f_globals.get("__package__") == __package__:
        first = first.tb_next
    return first or frames
