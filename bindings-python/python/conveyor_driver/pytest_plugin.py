"""Fixtures for tests of drivers; pytest finds them by itself."""

from __future__ import annotations

import pytest

from .testing import ARunDriver, EmbeddedStream, RunDriver, arun_driver, run_driver

__all__ = ["conveyor_arun", "conveyor_run", "conveyor_stream"]


@pytest.fixture
def conveyor_stream() -> EmbeddedStream:
    """An empty event stream in this process."""
    return EmbeddedStream()


@pytest.fixture
def conveyor_run() -> RunDriver:
    """``conveyor_run(driver, resource)`` runs one event through a driver to its answer."""
    return run_driver


@pytest.fixture
def conveyor_arun() -> ARunDriver:
    """``await conveyor_arun(driver, resource)`` does the same in a test that is a coroutine."""
    return arun_driver
