"""The types hold: for who checks a driver with them, and against the module itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import conveyor_driver
from conveyor_driver import Driver, DriverManager
from conveyor_driver._documents import (
    ConnectionOptions,
    DriverOptions,
    DriverSettings,
    ManagerOptions,
    TlsOptions,
)

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "core" / "contract"
EXAMPLES = str(ROOT / "examples" / "python")
# Told of an interpreter, pyright follows its link out of the virtual environment.
HERE = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def check(*command: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=HERE, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_mypy_is_content_with_the_package_and_the_examples() -> None:
    check("mypy", "--strict", EXAMPLES)
    check("mypy", "--strict", "-p", "conveyor_driver")


def test_pyright_is_content_with_the_examples() -> None:
    check("pyright", EXAMPLES)


def test_the_public_types_are_complete() -> None:
    check("pyright", "--verifytypes", "conveyor_driver", "--ignoreexternal")


def test_the_stub_is_that_of_the_module() -> None:
    check("mypy.stubtest", "conveyor_driver._native")


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """The checks above would be worth nothing if all passed."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from conveyor_driver import Driver, DriverManager, Run\n"
        "d = Driver('greeter', resources=['greeting'], concurency=3)\n"
        "e = Driver('greeter', resources=['greeting'], concurrency='3')\n"
        "@d.reconcile\n"
        "def reconcile(run: Run) -> int: return 3\n"
        "DriverManager(d, connection={'urls': 'x'})\n"
        "def f(run: Run) -> str: return run.attempt\n"
        "from conveyor_driver.testing import RunDriver\n"
        "def test_it(conveyor_run: RunDriver) -> None: conveyor_run(d, {}, tiemout=3)\n"
    )
    for tool in (("mypy", "--strict"), ("pyright",)):
        ended = subprocess.run(
            [sys.executable, "-m", *tool, str(wrong)], cwd=ROOT, env=HERE, capture_output=True, text=True
        )
        found = {
            line.split(":")[1]
            for line in ended.stdout.splitlines()
            if "error" in line and "wrong.py:" in line
        }
        assert found >= {"2", "3", "4", "6", "7", "9"}, ended.stdout


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ("DriverOptions", [DriverOptions]),
        ("ManagerOptions", [ManagerOptions]),
        ("ConnectionOptions", [ConnectionOptions]),
        ("TlsOptions", [TlsOptions]),
    ],
)
def test_every_option_of_the_contract_has_a_type(schema: str, types: list[Any]) -> None:
    properties = json.loads((CONTRACT / "options.schema.json").read_text())["$defs"][schema]["properties"]
    for kind in types:
        assert set(kind.__annotations__) == set(properties)


def test_defaults_are_those_of_the_contract() -> None:
    properties = json.loads((CONTRACT / "options.schema.json").read_text())["$defs"]["DriverOptions"][
        "properties"
    ]
    options: dict[str, Any] = dict(Driver("greeter", resources=["greeting"]).options)
    for name in set(DriverSettings.__annotations__):
        assert options[name] == properties[name]["default"], name


def test_every_error_of_the_contract_has_a_class() -> None:
    for row in json.loads((CONTRACT / "errors.json").read_text()):
        kind = getattr(conveyor_driver, row["name"])
        assert (kind.code, kind.name, kind.retryable) == (row["number"], row["name"], row["retryable"])
        assert kind.__doc__


def test_whatever_is_public_is_explained() -> None:
    for name in conveyor_driver.__all__:
        public = getattr(conveyor_driver, name)
        if isinstance(public, type) and not hasattr(public, "__origin__"):
            members = {n: m for n, m in vars(public).items() if not n.startswith("_") and callable(m)}
            for member, function in {"": public, **members}.items():
                assert function.__doc__, f"{name}.{member}"
    assert DriverManager.run.__doc__
