"""Fixtures for tests of drivers; pytest finds them by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .testing import EmbeddedStream, TestOutcome, run_driver

__all__ = ["conveyor_run", "conveyor_stream"]


@pytest.fixture
def conveyor_stream() -> EmbeddedStream:
    """An empty event stream in this process."""
    return EmbeddedStream()


@pytest.fixture
def conveyor_run() -> Callable[..., TestOutcome]:
    """``conveyor_run(driver, resource)`` runs one event through a driver to its answer."""
    return run_driver
