"""How a driver is made, and what is no driver."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from conveyor_driver import (
    BaseDriver,
    ConveyorError,
    Driver,
    DriverManager,
    DriverResult,
    OptionsInvalid,
    Run,
)
from conveyor_driver.testing import EmbeddedStream, run_driver

ADA = {"name": "Ada", "resource": "greeting"}


class Sync(BaseDriver):
    name = "greeter"
    resources = ("greeting",)

    def reconcile(self, run: Run) -> DriverResult:
        return DriverResult.success(f"hello, {run.resource['name']}")


class Async(BaseDriver):
    name = "greeter"
    resources = ["greeting"]

    async def reconcile(self, run: Run) -> DriverResult:
        return DriverResult.success(f"hello, {run.resource['name']}")


class OfDriver(Driver):
    def reconcile(self, run: Run) -> DriverResult:  # type: ignore[override]
        return DriverResult.success(f"hello, {run.resource['name']}")


class Callable_:
    async def __call__(self, run: Run) -> DriverResult:
        return DriverResult.success(f"hello, {run.resource['name']}")


class Full(Sync):
    concurrency = 3
    events = ("create", "update")


def test_options_may_be_attributes_of_the_class() -> None:
    options = Full(concurrency=5).options
    assert (options["concurrency"], options["events"]) == (5, ["create", "update"])
    assert Full("other").options["concurrency"] == 3
    Full.max_attempts = "3"  # type: ignore[attr-defined]
    try:
        with pytest.raises(OptionsInvalid, match="max_attempts"):
            Full()
    finally:
        del Full.max_attempts  # type: ignore[attr-defined]


def test_a_mock_is_no_coroutine_function(greeter: Callable[..., Driver]) -> None:
    reconcile = Mock(return_value=DriverResult.success("mocked"))
    assert run_driver(greeter(reconcile), ADA).result.message == "mocked"
    asynchronous = AsyncMock(return_value=DriverResult.success("awaited"))
    assert run_driver(greeter(asynchronous), ADA).result.message == "awaited"


def test_a_driver_that_is_renamed_keeps_its_name(greeter: Callable[..., Driver]) -> None:
    driver = greeter(lambda run: DriverResult.success(run.driver))
    driver.name = "other"
    assert run_driver(driver, ADA).result.message == "greeter"


@pytest.mark.parametrize(
    "driver", [Sync(), Async(), Async("greeter", concurrency=4), OfDriver("greeter", resources=["greeting"])]
)
def test_a_class_with_a_reconcile_method_is_a_driver(driver: BaseDriver) -> None:
    assert run_driver(driver, ADA).result == DriverResult.success("hello, Ada")


def test_whatever_can_be_called_with_a_run_is_a_reconcile(greeter: Callable[..., Driver]) -> None:
    async def greet(greeting: str, run: Run) -> DriverResult:
        return DriverResult.success(f"{greeting}, {run.resource['name']}")

    for function in [Callable_(), functools.partial(greet, "hello"), Sync().reconcile]:
        assert run_driver(greeter(function), ADA).result.message == "hello, Ada"


def test_options_are_complete_and_those_of_the_core() -> None:
    options = Driver("greeter", resources=["b", "a"], concurrency=3, serialize="none").options
    assert options["resources"] == ["b", "a"]
    assert (options["concurrency"], options["serialize"], options["ack_wait_ms"]) == (3, "none", 30_000)


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({"concurency": 3}, "concurency", "concurrency"),
        ({"ack_wait": 3}, "ack_wait", "ack_wait_ms"),
        ({"resources": "greeting"}, "resources", "string"),
        ({"concurrency": "3"}, "concurrency", "string"),
        ({"concurrency": -1}, "concurrency", "-1"),
        ({"serialize": "resources"}, "serialize", "resource"),
    ],
)
def test_an_option_that_is_unknown_or_mistyped_is_named(
    options: dict[str, Any], path: str, words: str
) -> None:
    with pytest.raises(OptionsInvalid) as caught:
        Driver("greeter", **{"resources": ["greeting"], **options})
    assert list(caught.value.context) == [path]
    assert words in caught.value.context[path]
    assert path in str(caught.value)


def test_an_option_that_is_not_json_is_named() -> None:
    with pytest.raises(TypeError, match=r"events\[1\]: object is not JSON"):
        Driver("greeter", resources=["greeting"], events=["create", object()])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="concurrency: is an integer of more than 64 bits"):
        Driver("greeter", resources=["greeting"], concurrency=2**70)
    with pytest.raises(TypeError, match=r"resources\[0\]: holds a lone surrogate"):
        Driver("greeter", resources=["\ud800"])


def test_limits_are_those_of_the_core_and_all_faults_are_told_at_once(greeter: Callable[..., Driver]) -> None:
    driver = greeter(lambda run: None, concurrency=0, ack_wait_ms=1)
    with pytest.raises(OptionsInvalid) as caught:
        DriverManager(driver, shutdown_grace_ms=10**12).run()
    assert set(caught.value.context) == {
        "shutdown_grace_ms",
        "drivers[0].concurrency",
        "drivers[0].ack_wait_ms",
    }


def no_argument() -> None: ...
def two_arguments(run: Run, other: int) -> None: ...
def keyword_only(*, run: Run) -> None: ...
def generator(run: Run) -> Any:
    yield run


class Methods:
    def none(self) -> None: ...
    def two(self, run: Run, other: int) -> None: ...


async def async_generator(run: Run) -> Any:
    yield run


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (no_argument, r"no_argument\(\).* must take one argument, the run"),
        (two_arguments, r"two_arguments\(.*other.*\).* must take one argument"),
        (keyword_only, "must take one argument"),
        (Methods().none, r"Methods.none\(\).* must take one argument"),
        (Methods().two, "must take one argument"),
        (generator, "generator yields"),
        (async_generator, "async_generator yields"),
        (3, "int is not callable"),
        (dict, "dict is a class"),
    ],
)
def test_what_cannot_be_a_reconcile_is_refused(function: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"reconcile: .*{words}"):
        Driver("greeter", resources=["greeting"]).reconcile(function)


def test_two_functions_are_refused(greeter: Callable[..., Driver]) -> None:
    driver = greeter(lambda run: None)
    with pytest.raises(TypeError, match="has a reconcile function already: .*lambda"):
        driver.reconcile(lambda run: None)


def test_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match=r"drivers\[1\]: Driver\('other'\) has no reconcile"):
        DriverManager([Sync(), Driver("other", resources=["greeting"])]).run()
    with pytest.raises(TypeError, match=r"drivers\[0\]: BaseDriver\('other'\) has no reconcile"):
        DriverManager([BaseDriver("other", resources=["greeting"])]).run()
    with pytest.raises(TypeError, match=r"drivers\[1\]: str is no driver"):
        DriverManager([Sync(), "greeter"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="drivers: the class Sync is no driver"):
        DriverManager(Sync)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"drivers\[0\]: Unmade.__init__ does not call super"):
        DriverManager(Unmade())


class Unmade(BaseDriver):
    def __init__(self) -> None:
        pass


def test_drivers_may_come_from_a_generator(conveyor_stream: EmbeddedStream) -> None:
    with DriverManager((driver for driver in [Sync()]), stream=conveyor_stream):
        assert conveyor_stream.result(conveyor_stream.post(ADA)).succeeded


def test_two_drivers_of_one_name_and_none_at_all_are_refused() -> None:
    with pytest.raises(OptionsInvalid) as caught:
        DriverManager([Sync(), Async()]).run()
    assert list(caught.value.context) == ["drivers[1].name"]
    with pytest.raises(ConveyorError) as none:
        DriverManager([]).run()
    assert list(none.value.context) == ["drivers"]


def test_options_of_the_manager_are_checked_when_it_is_made() -> None:
    with pytest.raises(OptionsInvalid) as caught:
        DriverManager(Sync(), connection={"urls": "nats://host"})  # type: ignore[typeddict-unknown-key]
    assert list(caught.value.context) == ["connection.urls"]
    with pytest.raises(TypeError, match="stream: int is no EmbeddedStream"):
        DriverManager(Sync(), stream=3)  # type: ignore[arg-type]
