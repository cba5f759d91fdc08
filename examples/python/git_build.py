"""Builds what is in a Git repository: clone it, run one command in it, answer how that ended.

It takes resources of type ``build``::

    {
      "name": "app",
      "resource": "build",
      "spec": {
        "repository": "https://git.example/app.git",
        "revision": "v1.2",
        "command": ["make", "test"],
        "env": {"CI": "true"}
      }
    }

``repository`` is a path or whatever else ``git clone`` takes. ``revision`` (a branch, a tag or a commit; by
default what the repository has checked out) and ``env`` need not be given. No shell is involved. Who may
post a resource may run any command as the user of this process: run it where that is all right, such as in
a container.

python examples/python/git_build.py    # runs until SIGINT or SIGTERM, then lets builds finish
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from conveyor_driver import ConveyorError, Driver, DriverResult, Failed, Retry, Run

driver = Driver("git-build", resources=["build"])

#: Inherited from a Git hook, these would lead ``git`` to the repository of the hook.
LOCAL_TO_A_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
GIT: dict[str, str | None] = {**dict.fromkeys(LOCAL_TO_A_REPOSITORY), "GIT_TERMINAL_PROMPT": "0"}


@driver.reconcile
async def build(run: Run) -> DriverResult:
    """The result's data is ``exit_status``, ``signal``, ``duration_ms`` and ``commit``: how the command ended
    and what it was run on."""
    spec = Spec.read(run.resource["spec"])
    # Removed at the end, however the run ends.
    with tempfile.TemporaryDirectory(prefix="git-build-") as folder:
        source = os.path.join(folder, "source")
        commit = await clone(run, spec, source)
        shown = " ".join(spec.command)
        run.log(f"running {shown}")
        output = await run.exec(*spec.command, env=dict(spec.env), cwd=source)
    return DriverResult(
        output.success,
        f"{shown}: {output}",
        {
            "exit_status": output.code,
            "signal": output.signal,
            "duration_ms": output.duration_ms,
            "commit": commit,
        },
    )


async def clone(run: Run, spec: Spec, source: str) -> str:
    """Clones the repository, checks the revision out, and says which commit that is."""
    run.log(f"cloning {spec.shown_repository()}")
    cloned = await run.exec("git", "clone", "--quiet", "--", spec.repository, source, env=GIT)
    if not cloned.success:
        if spec.is_local():
            raise refused("repository", f"git clone {cloned}")
        # The network, or the host at its other end.
        raise Retry(f"git clone {cloned}")
    if spec.revision is not None:
        checkout = ("-C", source, "checkout", "--quiet", spec.revision, "--")
        checked_out = await run.exec("git", *checkout, env=GIT)
        if not checked_out.success:
            raise refused("revision", f"git checkout {checked_out}")
    commit = await head(source)
    run.log(f"at commit {commit}")
    return commit


async def head(source: str) -> str:
    """What is checked out. Not run as part of the log: its output is the answer."""
    env = {name: value for name, value in os.environ.items() if name not in LOCAL_TO_A_REPOSITORY}
    git = await asyncio.create_subprocess_exec(
        *("git", "-C", source, "rev-parse", "--verify", "HEAD"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=env,
    )
    output, _ = await git.communicate()
    if git.returncode != 0:
        raise refused("repository", "has no commit checked out")
    return output.decode().strip()


@dataclass(frozen=True)
class Spec:
    """What is to be built."""

    repository: str
    revision: str | None
    command: list[str]
    env: dict[str, str]

    @classmethod
    def read(cls, document: Any) -> Spec:
        """Refuses, naming the field, what can never be built."""
        if not isinstance(document, dict):
            raise Failed("spec: is not an object")
        members = dict[str, Any](document)  # pyright: ignore[reportUnknownArgumentType]
        for name in ("repository", "command"):
            if name not in members:
                raise refused(name, "is missing")
        revision = members.pop("revision", None)
        command, env = members.pop("command"), members.pop("env", {})
        if not isinstance(command, list):
            raise refused("command", "is no list")
        if not isinstance(env, dict):
            raise refused("env", "is no object")
        command, env = list[Any](command), dict[str, Any](env)  # pyright: ignore
        spec = cls(
            repository=reference("repository", members.pop("repository")),
            revision=None if revision is None else reference("revision", revision),
            command=[text(f"command[{i}]", argument) for i, argument in enumerate(command)],
            env={name: text(f"env.{name}", value) for name, value in env.items()},
        )
        for name in members:
            raise refused(name, "is unknown")
        if not spec.command or not spec.command[0]:
            raise refused("command", "names no program")
        return spec

    def is_local(self) -> bool:
        """Whether the repository is on this machine. As Git tells: a colon before the first slash ends a
        host or a protocol."""
        return self.repository.startswith("file://") or ":" not in self.repository.split("/")[0]

    def shown_repository(self) -> str:
        """The repository without what may be a password."""
        if "://" not in self.repository:
            return self.repository
        parts = urlsplit(self.repository)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise refused(name, "is no text")
    return value


def reference(name: str, value: Any) -> str:
    """Text that Git takes for neither nothing nor an option."""
    if not text(name, value):
        raise refused(name, "is empty")
    if value.startswith("-"):
        raise refused(name, "starts with '-'")
    return text(name, value)


def refused(name: str, reason: str) -> Failed:
    return Failed(f"spec.{name}: {reason}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format=f"{Path(__file__).stem}: %(message)s")
    try:
        print(driver.run(), file=sys.stderr)
    except ConveyorError as error:
        sys.exit(f"{Path(__file__).stem}: {error}")
