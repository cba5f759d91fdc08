"""The base of all errors of the runtime."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, ClassVar

__all__ = ["ConveyorError"]


class ConveyorError(Exception):
    """Something that the runtime refused or could not do.

    Each code has a subclass of its own. Decide on the class or on ``code``, never on the text.
    """

    #: The number of its code, the same in every language.
    code: ClassVar[int] = 0
    #: The name of its code, the same in every language.
    name: ClassVar[str] = ""
    #: Whether the same call may succeed later without any change by the caller.
    retryable: ClassVar[bool] = False

    #: What happened, without code, context and causes.
    message: str
    #: The named facts. For ``OptionsInvalid`` the path of each faulty option, and what is wrong with it.
    context: Mapping[str, str]
    #: What each error behind this one says, the nearest first.
    causes: Sequence[str]

    def __init__(
        self,
        message: str = "",
        context: Mapping[str, str] | None = None,
        causes: Sequence[str] = (),
        text: str | None = None,
    ) -> None:
        super().__init__(text or message)
        self.message = message
        self.context = dict(context or {})
        self.causes = tuple(causes)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.context, self.causes, str(self))


def from_document(document: dict[str, Any], text: str) -> ConveyorError:
    """The exception for what the runtime says of an error."""
    from . import _codes

    context: dict[str, str] = {}
    for fact in document["context"]:
        name, value = fact["name"], fact["value"]
        context[name] = f"{context[name]}; {value}" if name in context else value
    kind = _codes.BY_NUMBER.get(document["code"], ConveyorError)
    return kind(document["message"], context, document["causes"], text)
