"""A real nats-server, with the control plane's streams, seen through nats-py: another client than ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import nats
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StreamConfig

T = TypeVar("T")
STREAMS = [
    StreamConfig(
        "messages", subjects=["resources.>", "events.>", "drivers.>"], retention=RetentionPolicy.INTEREST
    ),
    StreamConfig("pipeline-engine", subjects=["pipelines.>"], retention=RetentionPolicy.LIMITS),
    StreamConfig("logs-engine", subjects=["logs.>"], retention=RetentionPolicy.LIMITS),
]


def server_program() -> str:
    """The nats-server; the tests cannot do without one."""
    named = os.environ.get("NATS_SERVER")
    beside = Path(sys.executable).with_name("nats-server")
    found = named or shutil.which("nats-server") or (str(beside) if beside.exists() else None)
    if found is None:
        raise RuntimeError("no nats-server: put one on PATH, or name one in NATS_SERVER")
    return found


def eventually(look: Callable[[], T], what: str) -> T:
    """What this finds, as soon as that is anything."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


class NatsWorld:
    """One server, and what the control plane does on it."""

    def __init__(self, url: str, server: subprocess.Popen[bytes]) -> None:
        self.url = url
        self._server = server

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The server takes and answers nothing meanwhile, and closes nothing."""
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    def do(self, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
        """Does something with a connection of its own."""

        async def connected() -> T:
            client = await nats.connect(self.url)
            try:
                return await work(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(connected())

    def post(self, *runs: str, resource: str = "greeting", spec: Any = None) -> None:
        """Posts an event for each run id."""

        async def publish(js: JetStreamContext) -> None:
            for run in runs:
                payload = {"id": "", "name": run, "resource": resource, "metadata": {}, "spec": spec}
                message = {"event": "create", "payload": json.dumps(payload), "id": run, "run_id": run}
                await js.publish(f"resources.{resource}", json.dumps(message).encode())

        self.do(publish)

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """The stored results, by run id."""
        found: dict[str, list[dict[str, Any]]] = {}
        for document in self._stored("pipeline-engine"):
            found.setdefault(document["run_id"], []).append(document["driverresult"])
        return found

    def lines(self) -> dict[str, list[str]]:
        """The text of the stored log lines, by run id."""
        found: dict[str, list[str]] = {}
        for document in self._stored("logs-engine"):
            found.setdefault(document["runid"], []).append(document["message"])
        return found

    def _stored(self, stream: str) -> list[dict[str, Any]]:
        async def read(js: JetStreamContext) -> list[dict[str, Any]]:
            count = (await js.stream_info(stream)).state.messages
            if count == 0:
                return []
            subscription = await js.subscribe(">", stream=stream, ordered_consumer=True)
            return [json.loads((await subscription.next_msg()).data) for _ in range(count)]

        return self.do(read)

    def consumer(self, name: str) -> Any:
        """What the server says of a driver's consumer."""
        return self.do(lambda js: js.consumer_info("messages", name))

    def wait_for_consumer(self, name: str) -> None:
        """Until a driver is there."""

        async def found(js: JetStreamContext) -> None:
            for _ in range(3000):
                with contextlib.suppress(nats.js.errors.NotFoundError):
                    await js.consumer_info("messages", name)
                    return
                await asyncio.sleep(0.01)
            raise AssertionError(f"there is no consumer {name}")

        self.do(found)


@contextlib.contextmanager
def nats_world() -> Iterator[NatsWorld]:
    """Starts a server, and ends it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as store:
        command = [server_program(), "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", store]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            world = NatsWorld(f"nats://127.0.0.1:{port}", server)
            deadline = time.monotonic() + 30
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, "the nats-server does not start"
                    time.sleep(0.02)

            async def furnish(js: JetStreamContext) -> None:
                for stream in STREAMS:
                    await js.add_stream(stream)

            world.do(furnish)
            yield world
        finally:
            server.kill()
            server.wait()
