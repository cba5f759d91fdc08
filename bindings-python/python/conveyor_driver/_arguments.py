"""Arguments: what does not fit is an error that names the argument."""

from __future__ import annotations

import os


def path(name: str, value: str | os.PathLike[str]) -> str:
    """A path, or other text that may be one."""
    try:
        text: object = os.fspath(value)
    except TypeError:
        text = value
    if not isinstance(text, str):
        raise TypeError(f"{name}: {type(text).__name__} is not text or a path")
    return text


def seconds(name: str, value: float) -> float:
    """A time in seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: {type(value).__name__} is not a number of seconds")
    if not 0 <= value < float("inf"):
        raise TypeError(f"{name}: {value} is not a time in seconds")
    return float(value)
