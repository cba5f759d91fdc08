# Generated from the runtime's own definitions; the test `contract` writes it.
"""The documents of the runtime, as Python has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from ._error import ConveyorError

__all__ = [
    "CancelReason",
    "ClientOptions",
    "Command",
    "ConnectionOptions",
    "CreatedResource",
    "DrainReport",
    "DriverOptions",
    "DriverReport",
    "DriverSettings",
    "ExecOutput",
    "GapReason",
    "Level",
    "LogEntry",
    "LogEvent",
    "ManagerOptions",
    "NewLogEntry",
    "NewResource",
    "Pipeline",
    "PipelineStep",
    "Resource",
    "ResourceDefinition",
    "Serialization",
    "TlsOptions",
]


#: Which events of a driver may never be reconciled at the same time in one process.
Serialization = Literal["resource", "none"]


class TlsOptions(TypedDict, total=False):
    """Certificates, as PEM text or as paths of PEM files. The server's certificate is always
    verified.

    Files are read again when they have changed, so that certificates can be renewed while a
    driver runs: what is shown next, and what servers are verified by, is the new one.
    """

    #: The authorities to trust, as text. Default: those of the system.
    ca: str | None
    #: The same, as a path. Environment: ``CONVEYOR_TLS_CA``.
    ca_file: str | None
    #: The certificate to show, as text, leaf first.
    cert: str | None
    #: The same, as a path. Environment: ``CONVEYOR_TLS_CERT``.
    cert_file: str | None
    #: Start TLS before the server says anything, as servers with ``handshake_first`` want it.
    first: bool
    #: The private key of that certificate, as text.
    key: str | None
    #: The same, as a path. Environment: ``CONVEYOR_TLS_KEY``.
    key_file: str | None


class ConnectionOptions(TypedDict, total=False):
    """Where the NATS server is and how to be let in. What is not given is filled from the
    environment, then from the defaults.
    """

    #: How long to keep trying to reach the server at the start. Default: for ever.
    connect_timeout_ms: int | None
    #: The text of a credentials file.
    creds: str | None
    #: The path of a credentials file. Environment: ``CONVEYOR_NATS_CREDS``.
    creds_file: str | None
    #: The name the server shows for this connection. Default: the first driver's name.
    name: str | None
    #: An nkey seed. Environment: ``CONVEYOR_NATS_NKEY``.
    nkey: str | None
    #: The user's password. Environment: ``CONVEYOR_NATS_PASSWORD``.
    password: str | None
    #: How long to wait for the server's answer to one request before it is repeated.
    request_timeout_ms: int
    #: TLS, used when the server or the address asks for it, or when any of these is given.
    tls: TlsOptions
    #: A token. Environment: ``CONVEYOR_NATS_TOKEN``.
    token: str | None
    #: The address, or several separated by commas: ``nats://host:4222`` or ``tls://host:4222``.
    #: Environment: ``CONVEYOR_NATS_URL``; else ``CONVEYOR_SERVER_HOST`` with port 4222. Default:
    #: ``nats://127.0.0.1:4222``.
    url: str | None
    #: A user name, with ``password``. Environment: ``CONVEYOR_NATS_USER``.
    user: str | None


class ClientOptions(TypedDict, total=False):
    """Where the Conveyor API is and how to be let in. What is not given is filled from the
    environment, then from the defaults.
    """

    #: How long it may take to reach the server.
    connect_timeout_ms: int
    #: How often a call is tried when the server cannot be reached or fails. What is not safe to
    #: repeat is tried again only when it was not sent.
    max_attempts: int
    #: The largest answer that is taken.
    max_response_bytes: int
    #: How long a log stream keeps trying to come back. Default: for ever.
    reconnect_timeout_ms: int | None
    #: How long one call may take, with all that is repeated of it.
    request_timeout_ms: int
    #: How long a log stream may be silent before it is taken for dead. The server sends something
    #: every 15 s.
    stream_idle_timeout_ms: int
    #: Authorities, and the certificate and key that prove who asks: with them each request carries
    #: a token signed with the key, as servers with authentication want it.
    tls: TlsOptions
    #: The address, such as ``http://host:8080`` or ``https://ci.example.com/conveyor``.
    #: Environment: ``CONVEYOR_API_URL``; else ``CONVEYOR_SERVER_HOST`` and
    #: ``CONVEYOR_SERVER_PORT``, of which each may be left out. Without any of these there is no
    #: client.
    url: str | None


class ManagerOptions(TypedDict, total=False):
    """How a driver manager connects and stops."""

    #: How to reach the Conveyor API, for ``run.client``. What its ``tls`` does not give is taken
    #: from that of the connection.
    client: ClientOptions
    #: How to reach the event stream.
    connection: ConnectionOptions
    #: How long runs may go on after a shutdown was asked for, before they are cancelled.
    shutdown_grace_ms: int
    #: Drain on SIGINT and SIGTERM, and end at once on a second one.
    signals: bool


class DriverSettings(TypedDict, total=False):
    """What one driver listens to and how its runs are treated."""

    #: How long the server waits for a sign of life before it hands the event to another instance.
    #: Renewed every third of it while a run lasts, so it does not limit a run.
    ack_wait_ms: int
    #: Take over a consumer of this name that another runtime made, or whose filters would be
    #: narrowed, although messages held for it may be lost.
    adopt: bool
    #: How long a cancelled run may go on before it is abandoned. While its code still works,
    #: further events of its resource are given back, later each time.
    cancel_grace_ms: int
    #: Runs in flight at once in this process. The answers of as many again may be on their way to
    #: the stream.
    concurrency: int
    #: The broadcast events it wants; ``*`` is all. A message addressed to this driver is always
    #: run.
    events: Sequence[str]
    #: How many bytes of log lines may wait for the server before the writer waits.
    log_buffer_bytes: int
    #: How many log lines may be on their way without the server's word that they are stored.
    log_window: int
    #: The least number of unacknowledged events the consumer allows, over all instances.
    max_ack_pending: int
    #: How often an event is tried before it is answered with a failed result.
    max_attempts: int
    #: How often an event may be delivered without an answer before it is taken for one that kills
    #: its process, answered with a failed result and kept as a dead letter. A shutdown that gives
    #: an event back counts, too; so does an older instance that leaves one to a newer, and each
    #: time that an abandoned run of its resource is in its way. Default: ``max_attempts`` and five
    #: more.
    max_deliveries: int | None
    #: How long a run may go without a log line or a report of progress before it is cancelled and
    #: answered with a failed result. Default: as long as it likes.
    progress_timeout_ms: int | None
    #: The delay before the second attempt, when reconcile asks for a retry without naming one.
    retry_initial_ms: int
    #: The longest such delay; each is about twice the one before.
    retry_max_ms: int
    #: How long a run may last before it is cancelled and answered with a failed result. Default: as
    #: long as it likes.
    run_timeout_ms: int | None
    #: Which events wait for each other.
    serialize: Serialization


class DriverOptions(TypedDict):
    """What one driver listens to and how its runs are treated."""

    #: How long the server waits for a sign of life before it hands the event to another instance.
    #: Renewed every third of it while a run lasts, so it does not limit a run.
    ack_wait_ms: int
    #: Take over a consumer of this name that another runtime made, or whose filters would be
    #: narrowed, although messages held for it may be lost.
    adopt: bool
    #: How long a cancelled run may go on before it is abandoned. While its code still works,
    #: further events of its resource are given back, later each time.
    cancel_grace_ms: int
    #: Runs in flight at once in this process. The answers of as many again may be on their way to
    #: the stream.
    concurrency: int
    #: The broadcast events it wants; ``*`` is all. A message addressed to this driver is always
    #: run.
    events: list[str]
    #: How many bytes of log lines may wait for the server before the writer waits.
    log_buffer_bytes: int
    #: How many log lines may be on their way without the server's word that they are stored.
    log_window: int
    #: The least number of unacknowledged events the consumer allows, over all instances.
    max_ack_pending: int
    #: How often an event is tried before it is answered with a failed result.
    max_attempts: int
    #: How often an event may be delivered without an answer before it is taken for one that kills
    #: its process, answered with a failed result and kept as a dead letter. A shutdown that gives
    #: an event back counts, too; so does an older instance that leaves one to a newer, and each
    #: time that an abandoned run of its resource is in its way. Default: ``max_attempts`` and five
    #: more.
    max_deliveries: int | None
    #: The driver's name: letters, digits, ``-`` and ``_``. Also the name of its durable consumer,
    #: shared by all its instances.
    name: str
    #: How long a run may go without a log line or a report of progress before it is cancelled and
    #: answered with a failed result. Default: as long as it likes.
    progress_timeout_ms: int | None
    #: The resource types it handles, at least one: letters, digits, ``-`` and ``_``.
    resources: list[str]
    #: The delay before the second attempt, when reconcile asks for a retry without naming one.
    retry_initial_ms: int
    #: The longest such delay; each is about twice the one before.
    retry_max_ms: int
    #: How long a run may last before it is cancelled and answered with a failed result. Default: as
    #: long as it likes.
    run_timeout_ms: int | None
    #: Which events wait for each other.
    serialize: Serialization


class Command(TypedDict):
    """A command to run as part of a driver run. No shell is involved.

    As a document it has these fields under these names, all but ``program`` optional.
    """

    #: The arguments, without the program's name.
    args: list[str]
    #: Start from an empty environment instead of that of this process.
    clear_env: bool
    #: Environment variables to set, and with ``None`` (null in a document) to remove. A name is not
    #: empty and holds no ``=``.
    env: dict[str, str | None]
    #: Milliseconds from SIGTERM to SIGKILL when the command is cancelled; by default the driver's
    #: ``cancel_grace_ms``.
    grace_ms: int | None
    #: The program: a path, or a name looked for in the command's ``PATH``. A relative path starts
    #: at the working directory of the command.
    program: str
    #: What the command reads from its standard input; by default nothing (``/dev/null``). In a
    #: document a string, or an array of bytes for what is not text.
    stdin: str | list[int] | None
    #: Where the command runs; by default the working directory of this process.
    working_directory: str | None


#: How much a line matters.
Level = Literal["debug", "info", "warning", "error"]


class _Resource(TypedDict):
    #: The id made when the resource was created.
    id: str
    #: Facts beside the desired state. ``driverresults.<driver>`` holds the result of an earlier
    #: step, as JSON text.
    metadata: dict[str, Any]
    #: The name, unique for its type.
    name: str
    #: The type: the name of the resource definition.
    resource: str
    #: The desired state itself, ``null`` when none was given.
    spec: Any


class Resource(_Resource, total=False):
    """Desired state, as the control plane keeps it."""

    #: The pipeline that the resource starts; empty when none.
    pipeline: str


class _LogEntry(TypedDict):
    #: The driver that wrote it.
    driver: str
    #: The line.
    message: str
    #: The run the line belongs to.
    runid: str
    #: RFC 3339, UTC, nine fraction digits; strictly rising within driver and run.
    timestamp: str


class LogEntry(_LogEntry, total=False):
    """A log line as the log engine stores it. ``labels`` reaches live listeners only: the engine
    drops it when storing.
    """

    #: Names and values beside the line, ``level`` among them.
    labels: dict[str, Any]
    #: The pipeline of the resource; absent when it has none.
    pipeline: str


class NewResource(TypedDict, total=False):
    """Desired state, as the control plane keeps it."""

    #: The id made when the resource was created.
    id: str
    #: Facts beside the desired state. ``driverresults.<driver>`` holds the result of an earlier
    #: step, as JSON text.
    metadata: dict[str, Any]
    #: The name, unique for its type.
    name: str
    #: The pipeline that the resource starts; empty when none.
    pipeline: str
    #: The type: the name of the resource definition.
    resource: str
    #: The desired state itself, ``null`` when none was given.
    spec: Any


class CreatedResource(TypedDict):
    """A resource that was created, and the run that it started."""

    #: What the API says, for people.
    message: str
    #: The name of the resource.
    name: str
    #: The run that it started: of its drivers, or of its pipeline.
    run_id: str
    #: Its version, as text.
    version: str


class ResourceDefinition(TypedDict, total=False):
    """A resource definition: a kind of resource, and the schema of its ``spec``."""

    #: What it is for.
    description: str
    #: The id that the API made. It may be empty: the API forgets it in a definition that was first
    #: applied.
    id: str
    #: The name: what resources of this kind have as their type.
    name: str
    #: JSON Schema of the ``spec`` of its resources. The API looks at it when the first of them is
    #: posted.
    schema: Any
    #: Its version, in any form.
    version: str


class PipelineStep(TypedDict, total=False):
    """One step of a pipeline."""

    #: The driver that does it.
    driver: str
    #: Its id, in any form.
    id: str
    #: Its name, for people.
    name: str


class Pipeline(TypedDict, total=False):
    """A pipeline: what drivers do, one after the other, with a resource that names it."""

    #: What it is for.
    description: str
    #: Facts beside the steps.
    metadata: dict[str, Any]
    #: The name: what resources name.
    name: str
    #: The type of the resources it is for.
    resource: str
    #: Its steps, in their order. A driver in two steps never ends: the control plane finds the
    #: current step by the name of the driver.
    steps: Sequence[PipelineStep]
    #: Its version, in any form.
    version: str


class NewLogEntry(TypedDict, total=False):
    """A log line as the log engine stores it. ``labels`` reaches live listeners only: the engine
    drops it when storing.
    """

    #: The driver that wrote it.
    driver: str
    #: Names and values beside the line, ``level`` among them.
    labels: dict[str, Any]
    #: The line.
    message: str
    #: The pipeline of the resource; absent when it has none.
    pipeline: str
    #: The run the line belongs to.
    runid: str
    #: RFC 3339, UTC, nine fraction digits; strictly rising within driver and run.
    timestamp: str


#: Why lines may be missing.
GapReason = Literal["reconnected", "unreadable"]


class _LogEvent(TypedDict):
    kind: Literal["line", "gap"]


class LogEvent(_LogEvent, total=False):
    """What comes of a log stream."""

    #: The line itself.
    entry: LogEntry
    #: Why.
    reason: GapReason


class _CancelReason(TypedDict):
    kind: Literal["requested", "timed_out", "no_progress", "shutdown", "lease_lost"]


class CancelReason(_CancelReason, total=False):
    """Why a run should end early. As a document: ``{"kind": "requested", "reason": "…"}``, and
    ``{"kind": "timed_out"}`` for a kind without a reason.
    """

    #: Why, for people; may be empty.
    reason: str


@dataclass(frozen=True)
class ExecOutput:
    """How a command ended. Its output went to the run's log."""

    #: Whether the command was told to end because its run was cancelled. It may still have exited
    #: with a code of its own.
    cancelled: bool
    #: The exit code, when the command exited by itself.
    code: int | None
    #: From the start of the command to its end. In a document ``duration_ms``, in milliseconds.
    duration_ms: int
    #: The number of the signal that ended the command, when one did.
    signal: int | None


@dataclass(frozen=True)
class DriverReport:
    """What one driver did. Each event that was taken is counted under exactly one number, for each
    time that it was taken; only ``abandoned``, ``late_results`` and ``log_lines_unsent`` are
    counted beside that.
    """

    #: Of those cancelled for any reason: runs that did not end within ``cancel_grace_ms``.
    abandoned: int
    #: Answered before; acknowledged again.
    answered_before: int
    #: Answered with a failed result because somebody had the run cancelled.
    cancelled: int
    #: Could not be read; kept in the stream ``dead-letters``.
    dead_lettered: int
    #: The driver's name.
    driver: str
    #: Why the driver stopped by itself.
    error: ConveyorError | None
    #: Answered with a failed result.
    failed: int
    #: Given back, to be run by another instance or later: because of the shutdown, because the host
    #: gave the run up, because only a newer instance handles the resource type, or because an
    #: abandoned run of the same resource still works.
    given_back: int
    #: Not wanted by the driver's ``events``.
    ignored: int
    #: Of those abandoned: runs that came to an end later. What they said was ignored.
    late_results: int
    #: Left to another instance because the server could not be told in time that the run goes on.
    lease_lost: int
    #: Log lines that could not be stored before the end.
    log_lines_unsent: int
    #: Delivered more than ``max_deliveries`` times without an answer: answered with a failed result
    #: and kept in the stream ``dead-letters``.
    poisoned: int
    #: Given back to be tried again later.
    retried: int
    #: How often reconcile was called.
    runs: int
    #: Answered with a good result.
    succeeded: int
    #: Answered with a failed result because the run took too long or made no progress.
    timed_out: int


@dataclass(frozen=True)
class DrainReport:
    """What a manager did from its start to its end."""

    #: One report for each driver, in the order they were added.
    drivers: list[DriverReport]
