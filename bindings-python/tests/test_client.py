"""The client of the API, in both its forms, and that of a run."""

from __future__ import annotations

import asyncio
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api_stub import ApiStub
from conveyor_driver import (
    ApiFailed,
    ApiRefused,
    ArgumentInvalid,
    AsyncClient,
    Client,
    Conflict,
    ConveyorError,
    Driver,
    DriverManager,
    DriverResult,
    NotFound,
    OptionsInvalid,
    Run,
)
from conveyor_driver.testing import EmbeddedStream

CREATED = {"message": "ok", "name": "d1", "runid": "r1", "version": "1"}
LINE = 'data: {{"runid":"r","driver":"a","timestamp":"{0}","message":"{0}"}}\n\n'


@pytest.fixture
def api() -> Iterator[ApiStub]:
    stub = ApiStub()
    yield stub
    stub.close()


def test_a_resource_is_created_read_and_deleted(api: ApiStub) -> None:
    client = Client(url=api.url)
    api.answers = {
        "POST /resources/": (201, CREATED),
        "GET /resources/demo/d1": (200, {"name": "d1", "resource": "demo", "spec": {"n": 2**60}}),
        "GET /resources/demo/d1/1": (200, {"name": "d1", "resource": "demo"}),
        "PUT /resources/demo/d1": (200, {"name": "d1", "metadata": {"version": "2"}}),
        "DELETE /resources/demo/d1": (204, ""),
    }
    created = client.resources.create({"name": "d1", "resource": "demo", "spec": {"n": 1}})
    assert created["run_id"] == "r1"
    assert api.asked[0][1]["spec"] == {"n": 1}
    assert client.resources.get("demo", "d1")["spec"] == {"n": 2**60}
    assert client.resources.get_version("demo", "d1", "1")["metadata"] == {}
    assert client.resources.update({"name": "d1", "resource": "demo"})["metadata"]["version"] == "2"
    client.resources.delete("demo", "d1")
    assert [line for line, _ in api.asked] == list(api.answers)


def test_definitions_pipelines_logs_and_broadcasts(api: ApiStub) -> None:
    client = Client(url=api.url)
    definition = {"name": "demo", "schema": {}}
    api.answers = {
        "POST /resource-definitions/": (201, definition),
        "POST /resource-definitions/apply": (201, definition),
        "GET /resource-definitions/demo": (200, definition),
        "PUT /resource-definitions/demo": (200, definition),
        "DELETE /resource-definitions/demo": (204, ""),
        "POST /pipelines/": (201, {"name": "p", "steps": [{"driver": "a"}], "metadata": None}),
        "GET /logs?driver=a&runid=r": (200, [{"runid": "r", "message": "hello"}]),
        "POST /logs": (201, "Created"),
        "POST /drivers/broadcast-message": (200, {"message": "message published"}),
    }
    for call in (client.definitions.create, client.definitions.apply):
        assert call({"name": "demo", "schema": {}})["name"] == "demo"
    assert client.definitions.get("demo")["schema"] == {}
    assert client.definitions.update({"name": "demo", "schema": {}})["name"] == "demo"
    client.definitions.delete("demo")
    pipeline = client.pipelines.create({"name": "p", "resource": "demo", "steps": [{"driver": "a"}]})
    assert pipeline["steps"][0]["driver"] == "a"
    assert [line["message"] for line in client.logs.query("r", driver="a")] == ["hello"]
    client.logs.post({"runid": "r", "message": "hello"})
    client.broadcasts.send("create", "{}")
    assert [line for line, _ in api.asked] == list(api.answers)


def test_errors_have_their_classes(api: ApiStub) -> None:
    client = Client(url=api.url, max_attempts=1)
    api.answers = {
        "GET /resources/demo/none": (500, {"error": "resource with name none not found"}),
        "POST /resources/": (500, {"error": "resource with name d1 already exists"}),
        "GET /resource-definitions/x": (500, {"error": "etcd is away"}),
        "POST /pipelines/": (400, {"error": "Invalid request payload"}),
    }
    with pytest.raises(NotFound):
        client.resources.get("demo", "none")
    with pytest.raises(Conflict):
        client.resources.create({"name": "d1", "resource": "demo"})
    with pytest.raises(ApiFailed) as failed:
        client.definitions.get("x")
    assert failed.value.context["server"] == "etcd is away"
    with pytest.raises(ApiRefused):
        client.pipelines.create({})


def test_faults_of_arguments_are_told_with_their_paths(api: ApiStub) -> None:
    client = Client(url=api.url)
    with pytest.raises(ArgumentInvalid) as fault:
        client.resources.create({"nam": "d1", "pipeline": 3})  # type: ignore[typeddict-unknown-key, typeddict-item]
    assert sorted(fault.value.context) == ["resource.nam", "resource.pipeline"]
    with pytest.raises(TypeError, match=r"resource\.spec"):
        client.resources.create({"name": "d1", "spec": {1, 2}})
    with pytest.raises(OptionsInvalid) as options:
        Client(url="ci:8080")
    assert list(options.value.context) == ["url"]
    assert api.asked == []


def test_a_log_stream_is_iterated_and_closed_from_another_thread(api: ApiStub) -> None:
    lines: queue.Queue[str | None] = queue.Queue()
    api.answers = {"GET /logs/streams/a/r": lines}
    client = Client(url=api.url)
    lines.put(LINE.format(1))
    with client.logs.stream("r", driver="a") as stream:
        event = next(stream)
        assert event["kind"] == "line"
        assert event["entry"]["message"] == "1"
        threading.Timer(0.1, stream.close).start()
        assert list(stream) == []
    lines.put(None)


def test_an_async_client_asks_for_many_things_at_once(api: ApiStub) -> None:
    api.answers = {f"GET /resources/demo/{i}": (200, {"name": str(i), "resource": "demo"}) for i in range(20)}
    api.answers["GET /resources/demo/none"] = (500, {"error": "no such thing not found"})

    async def ask() -> None:
        client = AsyncClient(url=api.url)
        calls = (client.resources.get("demo", str(i)) for i in range(20))
        names = [resource["name"] for resource in await asyncio.gather(*calls)]
        assert names == [str(i) for i in range(20)]
        with pytest.raises(NotFound):
            await client.resources.get("demo", "none")

    asyncio.run(ask())


def test_an_async_call_that_is_cancelled_is_given_up(api: ApiStub) -> None:
    lines: queue.Queue[str | None] = queue.Queue()
    api.answers = {"GET /logs/pipeline/r": lines, "GET /logs?runid=r": (200, [])}

    async def ask() -> None:
        client = AsyncClient(url=api.url)
        async with client.logs.stream("r") as stream:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext_of(stream), 0.1)
            lines.put(LINE.format(1))
            event = await anext_of(stream)
            assert event["kind"] == "line"
        assert await client.logs.query("r") == []
        lines.put(None)

    asyncio.run(ask())


async def anext_of(stream: Any) -> Any:
    return await stream.__anext__()


@pytest.mark.parametrize("form", ["def", "async def"])
def test_a_run_has_the_client_of_its_manager(api: ApiStub, form: str) -> None:
    api.answers = {"GET /resources/image/base": (200, {"name": "base", "metadata": {"version": "3"}})}
    driver = Driver("image", resources=["app"])

    if form == "def":

        @driver.reconcile
        def reconcile(run: Run) -> DriverResult:
            image = run.client_sync.resources.get("image", "base")
            return DriverResult.success(image["metadata"]["version"])

    else:

        @driver.reconcile
        async def reconcile_async(run: Run) -> DriverResult:
            image = await run.client.resources.get("image", "base")
            return DriverResult.success(image["metadata"]["version"])

    stream = EmbeddedStream()
    with DriverManager([driver], stream=stream, client={"url": api.url}):
        for name in ("one", "two"):
            run_id = stream.post({"name": name, "resource": "app"})
            assert stream.result(run_id).message == "3"
    assert len(api.asked) == 2


def test_a_run_without_an_api_says_so() -> None:
    driver = Driver("image", resources=["app"])
    errors: list[ConveyorError] = []

    @driver.reconcile
    def reconcile(run: Run) -> None:
        try:
            run.client_sync.resources.get("image", "base")
        except ConveyorError as error:
            errors.append(error)

    stream = EmbeddedStream()
    with DriverManager([driver], stream=stream):
        stream.result(stream.post({"name": "one", "resource": "app"}))
    assert isinstance(errors[0], OptionsInvalid)
    assert list(errors[0].context) == ["client.url"]


def test_a_client_belongs_to_its_process_and_a_fork_makes_its_own(
    api: ApiStub, program: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    api.answers = {"GET /resource-definitions/demo": (200, {"name": "demo"})}
    source = """
import os
from conveyor_driver import Client, Forked

client = Client()
client.definitions.get("demo")
child = os.fork()
if child == 0:
    try:
        client.definitions.get("demo")
        os._exit(1)
    except Forked:
        os._exit(0 if Client().definitions.get("demo")["name"] == "demo" else 2)
print(os.waitpid(child, 0)[1], client.definitions.get("demo")["name"])
"""
    ended = program(source, CONVEYOR_API_URL=api.url)
    assert (ended.returncode, ended.stdout) == (0, "0 demo\n"), ended.stderr


def test_a_program_ends_while_calls_are_open(
    api: ApiStub, program: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    api.answers = {"GET /resource-definitions/demo": queue.Queue()}
    source = """
import threading, time
from conveyor_driver import Client

client = Client()
threading.Thread(target=client.definitions.get, args=["demo"], daemon=True).start()
time.sleep(0.3)
print("ends")
"""
    ended = program(source, CONVEYOR_API_URL=api.url, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ends\n", "")
