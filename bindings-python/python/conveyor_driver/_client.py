"""The client of the Conveyor API: resources, their definitions, pipelines and logs."""

from __future__ import annotations

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self, Unpack

    from ._documents import (
        ClientOptions,
        CreatedResource,
        LogEntry,
        LogEvent,
        NewLogEntry,
        NewResource,
        Pipeline,
        Resource,
        ResourceDefinition,
    )

__all__ = ["AsyncClient", "AsyncLogStream", "Client", "LogStream"]

#: How long a thread waits before it looks whether it was interrupted.
_LOOK_UP_SECONDS = 0.2


class Client:
    """Asks the Conveyor API, and waits for each answer. May be shared by threads.

    ``resources``, ``definitions``, ``pipelines``, ``logs`` and ``broadcasts`` have the calls. Each ends
    within ``request_timeout_ms``. Errors have their classes: ``NotFound``, ``Conflict``, ``ApiRefused`` and
    so on.
    """

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        """Takes the options of a client; what they do not give is filled from the environment.

        Raises ``OptionsInvalid`` with every fault found, also when nothing gives an address.
        """
        self._calls = _native.ApiCalls(options, False)

    @classmethod
    def _of(cls, calls: _native.ApiCalls) -> Self:
        client = cls.__new__(cls)
        client._calls = calls
        return client

    @property
    def resources(self) -> Resources:
        """Resources: desired state."""
        return Resources(self)

    @property
    def definitions(self) -> Definitions:
        """Resource definitions: kinds of resources."""
        return Definitions(self)

    @property
    def pipelines(self) -> Pipelines:
        """Pipelines."""
        return Pipelines(self)

    @property
    def logs(self) -> Logs:
        """Logs: what is stored, and what comes."""
        return Logs(self)

    @property
    def broadcasts(self) -> Broadcasts:
        """Messages to whoever listens on NATS outside of any stream."""
        return Broadcasts(self)

    def _call(self, operation: str, **arguments: object) -> Any:
        number = self._calls.start(operation, arguments)
        try:
            while True:
                ended = self._calls.wait(number, _LOOK_UP_SECONDS)
                if ended is not None:
                    return ended[0]
        except BaseException:
            self._calls.cancel(number)
            raise


class _Group:
    __slots__ = ("_call",)

    def __init__(self, client: Client) -> None:
        self._call = client._call


class Resources(_Group):
    """The resources of the API."""

    def create(self, resource: NewResource) -> CreatedResource:
        """Creates a resource, which starts a run: of the drivers of its type, or of its pipeline.

        It is not repeated when it may have been done: on ``Unavailable`` or ``TimedOut`` look whether it
        exists. Raises ``Conflict`` when it does, ``NotFound`` when its type or pipeline does not,
        ``ApiRefused`` when it does not fit its schema.
        """
        created: CreatedResource = self._call("resources.create", resource=resource)
        return created

    def get(self, type: str, name: str) -> Resource:
        """The resource of this type and name, with the results of drivers in its metadata."""
        resource: Resource = self._call("resources.get", type=type, name=name)
        return resource

    def get_version(self, type: str, name: str, version: str) -> Resource:
        """The resource as it was in one of its versions, from ``"1"``."""
        resource: Resource = self._call("resources.get_version", type=type, name=name, version=version)
        return resource

    def update(self, resource: NewResource) -> Resource:
        """Replaces the resource of this type and name, as a new version. No driver hears of it."""
        updated: Resource = self._call("resources.update", resource=resource)
        return updated

    def delete(self, type: str, name: str) -> None:
        """Deletes the resource of this type and name, if there is one. No driver hears of it."""
        self._call("resources.delete", type=type, name=name)


class Definitions(_Group):
    """The resource definitions of the API."""

    def create(self, definition: ResourceDefinition) -> ResourceDefinition:
        """Creates a definition. Raises ``Conflict`` when there is one of this name."""
        created: ResourceDefinition = self._call("definitions.create", definition=definition)
        return created

    def apply(self, definition: ResourceDefinition) -> ResourceDefinition:
        """Creates a definition, or replaces the one of its name whole."""
        applied: ResourceDefinition = self._call("definitions.apply", definition=definition)
        return applied

    def get(self, name: str) -> ResourceDefinition:
        """The definition of this name."""
        definition: ResourceDefinition = self._call("definitions.get", name=name)
        return definition

    def update(self, definition: ResourceDefinition) -> ResourceDefinition:
        """Replaces the definition of its name whole."""
        updated: ResourceDefinition = self._call("definitions.update", definition=definition)
        return updated

    def delete(self, name: str) -> None:
        """Deletes the definition of this name."""
        self._call("definitions.delete", name=name)


class Pipelines(_Group):
    """The pipelines of the API."""

    def create(self, pipeline: Pipeline) -> Pipeline:
        """Creates a pipeline, or replaces the one of its name, also for runs that are under way."""
        created: Pipeline = self._call("pipelines.create", pipeline=pipeline)
        return created


class Logs(_Group):
    """The logs of the API."""

    def query(
        self, run_id: str | None = None, *, driver: str | None = None, pipeline: str | None = None
    ) -> list[LogEntry]:
        """The stored lines that fit all that is given, in the order of their times."""
        lines: list[LogEntry] = self._call("logs.query", run_id=run_id, driver=driver, pipeline=pipeline)
        return lines

    def post(self, entry: NewLogEntry) -> None:
        """Stores a line without NATS. Who listens to the live logs does not see it."""
        self._call("logs.post", entry=entry)

    def stream(self, run_id: str, *, driver: str | None = None) -> LogStream:
        """The lines of a run, those that are stored first, then as they come. It never ends by itself.

        Each event is ``{"kind": "line", "entry": …}``, or ``{"kind": "gap", "reason": …}`` where lines may
        be missing. A connection that is lost is made again, and no line is given twice.
        """
        return LogStream(self._call, self._call("logs.stream", run_id=run_id, driver=driver)["stream"])


class Broadcasts(_Group):
    """The broadcasts of the API."""

    def send(self, event: str, payload: str, run_id: str = "") -> None:
        """Has the API publish a message on the NATS subject ``application``. No driver listens there."""
        self._call("broadcasts.send", event=event, payload=payload, run_id=run_id)


class LogStream:
    """The lines of a run as they come: iterate over it, and close it, or use it in a ``with``."""

    def __init__(self, call: Any, stream: int) -> None:
        self._call = call
        self._stream = stream
        self._closed = False

    def __iter__(self) -> Iterator[LogEvent]:
        return self

    def __next__(self) -> LogEvent:
        event: LogEvent | None = None
        if not self._closed:
            event = self._call("logs.next", stream=self._stream)
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        """Ends it. From any thread."""
        if not self._closed:
            self._closed = True
            self._call("logs.close", stream=self._stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient:
    """The same for a loop: each call is to be awaited. For one loop at a time."""

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        """As for ``Client``."""
        self._begin(_native.ApiCalls(options, True))

    @classmethod
    def _of(cls, calls: _native.ApiCalls) -> Self:
        client = cls.__new__(cls)
        client._begin(calls)
        return client

    def _begin(self, calls: _native.ApiCalls) -> None:
        self._calls = calls
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    @property
    def resources(self) -> AsyncResources:
        """Resources: desired state."""
        return AsyncResources(self)

    @property
    def definitions(self) -> AsyncDefinitions:
        """Resource definitions: kinds of resources."""
        return AsyncDefinitions(self)

    @property
    def pipelines(self) -> AsyncPipelines:
        """Pipelines."""
        return AsyncPipelines(self)

    @property
    def logs(self) -> AsyncLogs:
        """Logs: what is stored, and what comes."""
        return AsyncLogs(self)

    @property
    def broadcasts(self) -> AsyncBroadcasts:
        """Messages to whoever listens on NATS outside of any stream."""
        return AsyncBroadcasts(self)

    async def _call(self, operation: str, **arguments: object) -> Any:
        import asyncio

        loop = asyncio.get_running_loop()
        if self._waiting and self._loop is not loop:
            raise RuntimeError("this client has calls on another loop; make one for each loop")
        number = self._calls.start(operation, arguments)
        future: asyncio.Future[Any] = loop.create_future()
        # Only while it waits, so that a client that is forgotten is gone.
        if not self._waiting:
            self._loop = loop
            loop.add_reader(self._calls.fileno(), self._settle)
        self._waiting[number] = future
        try:
            return await future
        finally:
            del self._waiting[number]
            self._calls.cancel(number)
            if not self._waiting and not loop.is_closed():
                loop.remove_reader(self._calls.fileno())

    def _settle(self) -> None:
        for number, value, error in self._calls.take():
            future = self._waiting.get(number)
            if future is None or future.done():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)


class _AsyncGroup:
    __slots__ = ("_call",)

    def __init__(self, client: AsyncClient) -> None:
        self._call = client._call


class AsyncResources(_AsyncGroup):
    """The resources of the API."""

    async def create(self, resource: NewResource) -> CreatedResource:
        """As ``Resources.create``."""
        created: CreatedResource = await self._call("resources.create", resource=resource)
        return created

    async def get(self, type: str, name: str) -> Resource:
        """The resource of this type and name, with the results of drivers in its metadata."""
        resource: Resource = await self._call("resources.get", type=type, name=name)
        return resource

    async def get_version(self, type: str, name: str, version: str) -> Resource:
        """The resource as it was in one of its versions, from ``"1"``."""
        resource: Resource = await self._call("resources.get_version", type=type, name=name, version=version)
        return resource

    async def update(self, resource: NewResource) -> Resource:
        """Replaces the resource of this type and name, as a new version. No driver hears of it."""
        updated: Resource = await self._call("resources.update", resource=resource)
        return updated

    async def delete(self, type: str, name: str) -> None:
        """Deletes the resource of this type and name, if there is one. No driver hears of it."""
        await self._call("resources.delete", type=type, name=name)


class AsyncDefinitions(_AsyncGroup):
    """The resource definitions of the API."""

    async def create(self, definition: ResourceDefinition) -> ResourceDefinition:
        """Creates a definition. Raises ``Conflict`` when there is one of this name."""
        created: ResourceDefinition = await self._call("definitions.create", definition=definition)
        return created

    async def apply(self, definition: ResourceDefinition) -> ResourceDefinition:
        """Creates a definition, or replaces the one of its name whole."""
        applied: ResourceDefinition = await self._call("definitions.apply", definition=definition)
        return applied

    async def get(self, name: str) -> ResourceDefinition:
        """The definition of this name."""
        definition: ResourceDefinition = await self._call("definitions.get", name=name)
        return definition

    async def update(self, definition: ResourceDefinition) -> ResourceDefinition:
        """Replaces the definition of its name whole."""
        updated: ResourceDefinition = await self._call("definitions.update", definition=definition)
        return updated

    async def delete(self, name: str) -> None:
        """Deletes the definition of this name."""
        await self._call("definitions.delete", name=name)


class AsyncPipelines(_AsyncGroup):
    """The pipelines of the API."""

    async def create(self, pipeline: Pipeline) -> Pipeline:
        """Creates a pipeline, or replaces the one of its name, also for runs that are under way."""
        created: Pipeline = await self._call("pipelines.create", pipeline=pipeline)
        return created


class AsyncLogs(_AsyncGroup):
    """The logs of the API."""

    async def query(
        self, run_id: str | None = None, *, driver: str | None = None, pipeline: str | None = None
    ) -> list[LogEntry]:
        """The stored lines that fit all that is given, in the order of their times."""
        lines: list[LogEntry] = await self._call(
            "logs.query", run_id=run_id, driver=driver, pipeline=pipeline
        )
        return lines

    async def post(self, entry: NewLogEntry) -> None:
        """Stores a line without NATS. Who listens to the live logs does not see it."""
        await self._call("logs.post", entry=entry)

    def stream(self, run_id: str, *, driver: str | None = None) -> AsyncLogStream:
        """The lines of a run, as ``Logs.stream``. It is opened when it is first asked for an event."""
        return AsyncLogStream(self._call, run_id, driver)


class AsyncBroadcasts(_AsyncGroup):
    """The broadcasts of the API."""

    async def send(self, event: str, payload: str, run_id: str = "") -> None:
        """Has the API publish a message on the NATS subject ``application``. No driver listens there."""
        await self._call("broadcasts.send", event=event, payload=payload, run_id=run_id)


class AsyncLogStream:
    """The lines of a run as they come: for ``async for``; close it, or use it in an ``async with``."""

    def __init__(self, call: Any, run_id: str, driver: str | None) -> None:
        self._call = call
        self._of = {"run_id": run_id, "driver": driver}
        self._stream: int | None = None
        self._closed = False

    def __aiter__(self) -> AsyncIterator[LogEvent]:
        return self

    async def __anext__(self) -> LogEvent:
        if self._stream is None and not self._closed:
            self._stream = (await self._call("logs.stream", **self._of))["stream"]
        event: LogEvent | None = None
        if not self._closed:
            event = await self._call("logs.next", stream=self._stream)
        if event is None:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Ends it."""
        if not self._closed:
            self._closed = True
            if self._stream is not None:
                await self._call("logs.close", stream=self._stream)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
