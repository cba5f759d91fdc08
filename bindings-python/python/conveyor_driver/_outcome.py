"""What became of a command, and of the events of a manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _documents
from ._error import from_document

__all__ = ["DrainReport", "ExecOutput"]


class ExecOutput(_documents.ExecOutput):
    """How a command ended; ``str`` tells it in one line."""

    #: Whether the command did its work: it exited with 0 and was not cancelled.
    success: bool

    def __init__(self, document: Mapping[str, Any], success: bool, text: str) -> None:
        super().__init__(**document)
        object.__setattr__(self, "success", success)
        object.__setattr__(self, "_text", text)

    def __str__(self) -> str:
        return str(self.__dict__["_text"])


class DrainReport(_documents.DrainReport):
    """What a manager did from its start to its end; ``str`` tells it in one line."""

    def __init__(self, document: Mapping[str, Any], text: str) -> None:
        drivers = []
        for told in document["drivers"]:
            error = told["error"]
            if error is not None:
                error = from_document(error, f"{error['name']}: {error['message']}")
            drivers.append(_documents.DriverReport(**{**told, "error": error}))
        super().__init__(drivers)
        object.__setattr__(self, "_text", text)

    def __str__(self) -> str:
        return str(self.__dict__["_text"])
