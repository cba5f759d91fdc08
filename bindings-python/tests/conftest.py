"""What the tests share."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conveyor_driver import Driver, Reconcile
from nats_world import NatsWorld, nats_world

ROOT = Path(__file__).parents[2]

# A shell that runs the tests in the background has them, and all programs that they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def nats() -> Iterator[NatsWorld]:
    """A real server of the test's own."""
    with nats_world() as world:
        yield world


@pytest.fixture
def greeter() -> Callable[..., Driver]:
    """``greeter(function, **options)`` is a driver."""

    def make(function: Reconcile, **options: object) -> Driver:
        driver = Driver("greeter", resources=["greeting"], **options)  # type: ignore[arg-type]
        driver.reconcile(function)
        return driver

    return make


@pytest.fixture
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``program(source, **environment)`` runs a Python program to its end."""

    def run(source: str, *, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
        import os

        return subprocess.run(
            [sys.executable, "-c", source],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run
