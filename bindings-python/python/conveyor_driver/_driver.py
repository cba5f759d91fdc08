"""A driver: what it listens to, and the one function it is for."""

from __future__ import annotations

import functools

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeVar

    from typing_extensions import Unpack

    from ._documents import DriverOptions, DriverSettings, ManagerOptions
    from ._outcome import DrainReport
    from ._types import Reconcile

    _F = TypeVar("_F", bound=Reconcile)

__all__ = ["BaseDriver", "Driver"]


class BaseDriver:
    """A driver as a class: give it a ``reconcile`` method, and its options as attributes or to the
    constructor, where they go before.

    ::

        class Greeter(BaseDriver):
            name = "greeter"
            resources = ["greeting"]
            concurrency = 8

            async def reconcile(self, run: Run) -> DriverResult:
                return DriverResult.success(f"hello, {run.resource['name']}")
    """

    #: The driver's name.
    name: str = ""
    #: The resource types it handles.
    resources: Sequence[str] = ()

    def __init__(
        self,
        name: str | None = None,
        *,
        resources: Sequence[str] | None = None,
        **options: Unpack[DriverSettings],
    ) -> None:
        """Takes the options of a driver; ``DriverOptions`` describes them.

        Raises ``OptionsInvalid`` for an option that is unknown or of the wrong type. Limits are checked
        when a manager starts.
        """
        document = {"name": self.name, "resources": self.resources, **_attributes(self), **options}
        if name is not None:
            document["name"] = name
        if resources is not None:
            document["resources"] = resources
        self._options = _native.driver_options(document)
        self.name = self._options["name"]
        self.resources = self._options["resources"]

    @property
    def options(self) -> DriverOptions:
        """The driver's options, with all defaults."""
        return self._options

    def _handler(self) -> Reconcile | None:
        method = getattr(self, "reconcile", None)
        if method is not None:
            check_reconcile(method)
        return method

    def run(self, **options: Unpack[ManagerOptions]) -> DrainReport:
        """Runs this driver alone until it is stopped; see ``DriverManager.run``."""
        from ._manager import DriverManager

        return DriverManager([self], **options).run()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Driver(BaseDriver):
    """A driver with a function.

    ::

        driver = Driver("greeter", resources=["greeting"])

        @driver.reconcile
        async def reconcile(run: Run) -> DriverResult:
            return DriverResult.success("done")
    """

    _function: Reconcile | None = None

    def reconcile(self, function: _F) -> _F:
        """Has the driver call this for each run: a ``def`` on threads of its own, an ``async def`` as tasks
        on the loop that serves."""
        if self._function is not None:
            raise TypeError(f"{self!r} has a reconcile function already: {_shown(self._function)}")
        check_reconcile(function)
        self._function = function
        return function

    def _handler(self) -> Reconcile | None:
        if type(self).reconcile is not Driver.reconcile:
            return super()._handler()
        return self._function


def _attributes(driver: BaseDriver) -> dict[str, Any]:
    """The options that are attributes of its class."""
    classes = type(driver).__mro__
    own = {name for kind in classes[: classes.index(BaseDriver)] if kind is not Driver for name in vars(kind)}
    if not own:
        return {}
    known = _native.driver_options({"name": "", "resources": []})
    return {name: getattr(driver, name) for name in own.intersection(known)}


_IS_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect takes long to import.
_IS_GENERATOR = 0x20 | 0x200


def is_async(function: Reconcile) -> bool:
    """Whether calling it gives a coroutine."""
    if hasattr(_plain(function), "_is_coroutine_mark"):
        import inspect

        # inspect.markcoroutinefunction; a mock has any attribute.
        if inspect.iscoroutinefunction(function):
            return True
    return bool(_flags(function) & _IS_COROUTINE)


def check_reconcile(function: Any) -> None:
    """Raises ``TypeError`` for what cannot be a reconcile."""
    if not callable(function):
        raise TypeError(f"reconcile: {type(function).__qualname__} is not callable")
    if isinstance(function, type):
        raise TypeError(f"reconcile: {function.__qualname__} is a class; give a function")
    if _flags(function) & _IS_GENERATOR:
        raise TypeError(f"reconcile: {_shown(function)} yields; a reconcile returns its result")
    code = getattr(function, "__code__", None)
    method = getattr(function, "__self__", None) is not None
    if code is not None and code.co_argcount == 1 + method and not code.co_kwonlyargcount:
        return
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # Written in C, it does not say.
    try:
        signature.bind(None)
    except TypeError:
        raise TypeError(f"reconcile: {_shown(function)}{signature} must take one argument, the run") from None


def _flags(function: Any) -> int:
    function = _plain(function)
    call = getattr(type(function), "__call__", None)  # noqa: B004 - of an object that is called
    code = getattr(function, "__code__", getattr(call, "__code__", None))
    return int(getattr(code, "co_flags", 0))


def _plain(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__func__", function)


def _shown(function: Any) -> str:
    return str(getattr(_plain(function), "__qualname__", repr(function)))
