"""What a reconcile is given."""

from __future__ import annotations

import os
import threading

from . import _native
from ._arguments import path, seconds
from ._native import RunLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    import datetime
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ._client import AsyncClient, Client
    from ._documents import CancelReason, Command, Resource
    from ._outcome import ExecOutput

__all__ = ["Run", "RunLog"]


class Run:
    """One driver run."""

    __slots__ = (
        "__weakref__",
        "_client",
        "_client_sync",
        "_deadline",
        "_log",
        "_native",
        "_printed",
        "_resource",
        "_task",
    )

    def __init__(self, native: _native.Run) -> None:
        self._native = native
        self._log: RunLog | None = None
        self._printed: dict[str, str] | None = None
        self._resource: Resource | None = None
        self._deadline: datetime.datetime | None = None
        self._client: AsyncClient | None = None
        self._client_sync: Client | None = None
        #: The task that the run is, on a loop.
        self._task: asyncio.Task[Any] | None = None

    @property
    def log(self) -> RunLog:
        """The run's log: ``run.log("text")``, and ``debug``, ``info``, ``warning`` and ``error``, each with
        labels as keywords.

        A call returns once the line has its place. In an ``async def``, ``await`` it to wait without holding
        up the loop while the log's buffer is full.
        """
        if self._log is None:
            self._log = self._native.log
        return self._log

    @property
    def id(self) -> str:
        """The run id, as the control plane sent it: the same for all steps of a pipeline."""
        return self._native.id

    @property
    def event(self) -> str:
        """What happened: ``create``, ``process``, or any other name the sender chose."""
        return self._native.event

    @property
    def payload(self) -> str:
        """The resource as JSON text, exactly as it was sent."""
        return self._native.payload

    @property
    def resource(self) -> Resource:
        """The resource, parsed when first asked for.

        Raises ``MessageInvalid`` when it is nested too deep; ``payload`` still has it, and integers of
        more than 64 bits as they were sent.
        """
        if self._resource is None:
            self._resource = self._native.resource()
        return self._resource

    @property
    def attempt(self) -> int:
        """Which try this is, counted from 1 over all instances and restarts."""
        return self._native.attempt

    @property
    def driver(self) -> str:
        """The name of the driver that runs."""
        return self._native.driver

    @property
    def cancelled(self) -> bool:
        """Whether this run should end early."""
        return self._native.cancelled

    @property
    def cancel_reason(self) -> CancelReason | None:
        """Why this run should end early, once it should."""
        return self._native.cancel_reason

    def raise_if_cancelled(self) -> None:
        """Raises ``Cancelled`` when this run should end early: let it end the reconcile."""
        self._native.raise_if_cancelled()

    @property
    def deadline(self) -> datetime.datetime | None:
        """When ``run_timeout_ms`` has this run cancelled, in UTC; ``None`` without such a limit."""
        if self._deadline is None:
            left = self._native.time_left
            if left is not None:
                import datetime

                now = datetime.datetime.now(datetime.timezone.utc)
                self._deadline = now + datetime.timedelta(seconds=left)
        return self._deadline

    @property
    def client(self) -> AsyncClient:
        """The client of the Conveyor API, for an ``async def``: the manager's options ``client`` say where
        it is. All runs of a manager share its connections.

        Raises ``OptionsInvalid`` when no address was given.
        """
        if self._client is None:
            from ._client import AsyncClient

            self._client = AsyncClient._of(self._native.api_calls(True))
        return self._client

    @property
    def client_sync(self) -> Client:
        """The same for a ``def``: each call returns when it has ended."""
        if self._client_sync is None:
            from ._client import Client

            self._client_sync = Client._of(self._native.api_calls(False))
        return self._client_sync

    def progress(self) -> None:
        """Reports progress, for ``progress_timeout_ms``. A log line does so, too."""
        self._native.progress()

    def exec_sync(
        self,
        program: str | os.PathLike[str],
        *args: str | os.PathLike[str],
        env: Mapping[str, str | None] | None = None,
        clear_env: bool = False,
        cwd: str | os.PathLike[str] | None = None,
        stdin: str | bytes | None = None,
        grace: float | None = None,
    ) -> ExecOutput:
        """Runs a command as part of this run and waits for its end. There is no shell.

        Each line of its output goes to the run's log as it comes, with the label ``stream``. ``env`` sets
        variables, and removes those that are ``None``. When the run is cancelled, the command and all that
        it started get SIGTERM and, after ``grace`` seconds, SIGKILL. How it ended is data, not an error.

        Raises ``ExecFailed`` when it cannot be started, ``Cancelled`` when the run was cancelled before,
        ``OptionsInvalid`` for what no process can be given, such as a variable without a name.
        """
        command = _command(program, args, env, clear_env, cwd, grace)
        from ._outcome import ExecOutput

        return ExecOutput(*self._native.exec(command, _input(stdin), _native.Stop()))

    async def exec(
        self,
        program: str | os.PathLike[str],
        *args: str | os.PathLike[str],
        env: Mapping[str, str | None] | None = None,
        clear_env: bool = False,
        cwd: str | os.PathLike[str] | None = None,
        stdin: str | bytes | None = None,
        grace: float | None = None,
    ) -> ExecOutput:
        """The same without holding up the loop. Cancelled, it ends the command before it raises."""
        command = _command(program, args, env, clear_env, cwd, grace)
        given = _input(stdin)
        import asyncio
        import contextlib

        from ._outcome import ExecOutput

        loop = asyncio.get_running_loop()
        ended: asyncio.Future[ExecOutput] = loop.create_future()
        stop = _native.Stop()

        def settle(output: ExecOutput | None, error: BaseException | None) -> None:
            if ended.done():
                return
            if error is not None:
                ended.set_exception(error)
            elif output is not None:
                ended.set_result(output)

        def work() -> None:
            output: ExecOutput | None = None
            error: BaseException | None = None
            try:
                output = ExecOutput(*self._native.exec(command, given, stop))
            except BaseException as raised:
                error = raised
            # When the loop was closed nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, output, error)

        threading.Thread(target=work, name=f"{self.driver}-exec", daemon=True).start()
        try:
            output = await asyncio.shield(ended)
            if output.cancelled and asyncio.current_task() is self._task:
                # The command heard of it before the task: the task's own cancellation is on its way.
                await loop.create_future()
            return output
        except asyncio.CancelledError:
            stop.set()
            while not ended.done():
                # However often it is cancelled: the command ends within its grace.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([ended])
            if not ended.cancelled():
                ended.exception()  # Nobody else asks for it.
            raise

    def _print_line(self, stream: str, line: str) -> None:
        write = self.log.info if stream == "stdout" else self.log.warning
        write(line, stream=stream)

    def _end_of_print(self) -> None:
        """Writes what was printed without a line end."""
        printed, self._printed = self._printed, None
        for stream, rest in (printed or {}).items():
            self._print_line(stream, rest)

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.driver}, attempt {self.attempt}>"


def _command(
    program: str | os.PathLike[str],
    args: Sequence[str | os.PathLike[str]],
    env: Mapping[str, str | None] | None,
    clear_env: bool,
    cwd: str | os.PathLike[str] | None,
    grace: float | None,
) -> Command:
    if env is not None and not hasattr(env, "keys"):
        raise TypeError(f"env: {type(env).__name__} is not a mapping")
    command: dict[str, Any] = {
        "program": path("program", program),
        "args": [path(f"args[{i}]", arg) for i, arg in enumerate(args)],
        "env": {} if env is None else dict(env),
        "clear_env": clear_env,
        "working_directory": None if cwd is None else path("cwd", cwd),
        "grace_ms": None if grace is None else _milliseconds(seconds("grace", grace)),
    }
    return command  # type: ignore[return-value]


#: What the core can hold: as long as one likes.
_MOST_MILLISECONDS = 2**63


def _milliseconds(time: float) -> int:
    return round(min(time * 1000, _MOST_MILLISECONDS))


def _input(stdin: str | bytes | None) -> str | bytes | None:
    return bytes(stdin) if isinstance(stdin, memoryview) else stdin
