# Generated from the runtime's own definitions; the test `contract` writes it.
"""The errors of the runtime: a class for each code."""

from __future__ import annotations

from ._error import ConveyorError

__all__ = [
    "OptionsInvalid",
    "Unavailable",
    "Unauthenticated",
    "PermissionDenied",
    "TlsFailed",
    "Unsupported",
    "NotFound",
    "Conflict",
    "MessageInvalid",
    "TooLarge",
    "TimedOut",
    "Cancelled",
    "Closed",
    "ExecFailed",
    "Internal",
    "Forked",
    "LogFull",
    "ArgumentInvalid",
    "WouldDeadlock",
    "ApiRefused",
    "ApiFailed",
    "ResponseInvalid",
    "ResponseTooLarge",
]


class OptionsInvalid(ConveyorError):
    """An option is missing, unknown, of the wrong type or out of range. Correct every field that
    the context names; nothing was started.
    """

    code = 1
    name = "OptionsInvalid"
    retryable = False


class Unavailable(ConveyorError):
    """The server or one of its streams cannot be reached. Check the address and that the server
    runs; the same call may succeed later.
    """

    code = 2
    name = "Unavailable"
    retryable = True


class Unauthenticated(ConveyorError):
    """The server refused the credentials, or wants some and got none. Correct the token, user,
    nkey or credentials file.
    """

    code = 3
    name = "Unauthenticated"
    retryable = False


class PermissionDenied(ConveyorError):
    """The credentials are good but do not allow this. Have the permission named in the context
    granted.
    """

    code = 4
    name = "PermissionDenied"
    retryable = False


class TlsFailed(ConveyorError):
    """A TLS connection could not be made: a certificate is missing, expired, for another host or
    signed by another authority. Correct the ``tls`` options or the server's certificate.
    """

    code = 5
    name = "TlsFailed"
    retryable = False


class Unsupported(ConveyorError):
    """The server lacks something the runtime needs, such as JetStream or version 2.10. Upgrade or
    reconfigure the server.
    """

    code = 6
    name = "Unsupported"
    retryable = False


class NotFound(ConveyorError):
    """What was named does not exist. Check the name, or create it first."""

    code = 7
    name = "NotFound"
    retryable = False


class Conflict(ConveyorError):
    """What was named exists already, or in another form, and changing it could lose something.
    Read the context, then rename, delete what is there, or set ``adopt``.
    """

    code = 8
    name = "Conflict"
    retryable = False


class MessageInvalid(ConveyorError):
    """A document does not have the form its kind requires. Correct the sender; the context names
    the field.
    """

    code = 9
    name = "MessageInvalid"
    retryable = False


class TooLarge(ConveyorError):
    """A document is larger than the server accepts. Send less."""

    code = 10
    name = "TooLarge"
    retryable = False


class TimedOut(ConveyorError):
    """No answer came in time. The operation may or may not have happened; repeat it if it is safe
    to repeat.
    """

    code = 11
    name = "TimedOut"
    retryable = True


class Cancelled(ConveyorError):
    """The operation was cancelled before it ended. Nothing to do, unless the cancellation
    surprises you.
    """

    code = 12
    name = "Cancelled"
    retryable = False


class Closed(ConveyorError):
    """The object was already stopped or completed. Make a new one."""

    code = 13
    name = "Closed"
    retryable = False


class ExecFailed(ConveyorError):
    """A command could not be started or its output not read. Check that the program exists, is
    executable and that the working directory exists.
    """

    code = 14
    name = "ExecFailed"
    retryable = False


class Internal(ConveyorError):
    """The runtime broke one of its own rules. Please report it, with the log."""

    code = 15
    name = "Internal"
    retryable = False


class Forked(ConveyorError):
    """The object was started in another process, of which this one is a fork: its threads and
    connections are not here. Start a new one after the fork, or start the child anew (spawn).
    """

    code = 16
    name = "Forked"
    retryable = False


class LogFull(ConveyorError):
    """As many log lines wait for room in the buffer as may. None of this call were taken: repeat
    it once some of the others are accepted.
    """

    code = 17
    name = "LogFull"
    retryable = True


class ArgumentInvalid(ConveyorError):
    """A call was given what it cannot take: nothing where something is needed, text that is not
    UTF-8, a handle of another kind, a structure of an unknown size. Correct the caller; the
    context names the argument.
    """

    code = 18
    name = "ArgumentInvalid"
    retryable = False


class WouldDeadlock(ConveyorError):
    """The call would wait for the function that it is made from. Make it from another thread, or
    ask for the same without waiting.
    """

    code = 19
    name = "WouldDeadlock"
    retryable = False


class ApiRefused(ConveyorError):
    """The API server refused the request: a resource does not fit its schema, a name is missing,
    or the server sends the client elsewhere. Correct what the message says; nothing was
    changed.
    """

    code = 20
    name = "ApiRefused"
    retryable = False


class ApiFailed(ConveyorError):
    """The API server failed to do what it was asked, and may have done part of it. Read what is
    there, then repeat it if it is safe to repeat.
    """

    code = 21
    name = "ApiFailed"
    retryable = True


class ResponseInvalid(ConveyorError):
    """The answer has another form than the API's: no JSON, another kind of document. Check that
    the address is that of a Conveyor API and what stands between. What was asked for may have
    happened.
    """

    code = 22
    name = "ResponseInvalid"
    retryable = False


class ResponseTooLarge(ConveyorError):
    """The answer is larger than ``max_response_bytes``. Ask for less, or allow more. What was
    asked for has happened.
    """

    code = 23
    name = "ResponseTooLarge"
    retryable = False


#: The class of each code.
BY_NUMBER: dict[int, type[ConveyorError]] = {
    1: OptionsInvalid,
    2: Unavailable,
    3: Unauthenticated,
    4: PermissionDenied,
    5: TlsFailed,
    6: Unsupported,
    7: NotFound,
    8: Conflict,
    9: MessageInvalid,
    10: TooLarge,
    11: TimedOut,
    12: Cancelled,
    13: Closed,
    14: ExecFailed,
    15: Internal,
    16: Forked,
    17: LogFull,
    18: ArgumentInvalid,
    19: WouldDeadlock,
    20: ApiRefused,
    21: ApiFailed,
    22: ResponseInvalid,
    23: ResponseTooLarge,
}
