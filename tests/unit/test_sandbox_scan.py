"""The scan finds what the rules name under any disguise, and fails closed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.rules import LanguageRules, SafetyRules
from sandbox.report import ScanFinding
from sandbox.safe_files import write_text
from sandbox.scan import scan
from sandbox.scan_process import ScanProcess

RULES = SafetyRules(
    python=LanguageRules(
        blocked_imports=("subprocess", "ctypes"),
        approval_imports=("requests",),
        blocked_functions=("eval", "exec", "compile", "os.system", "os.exec*"),
        approval_functions=("shutil.rmtree",),
        approval_required_operations=("network_request", "file_access_outside_workspace"),
    ),
    node=LanguageRules(
        blocked_imports=("child_process", "net"),
        approval_imports=("https",),
        blocked_functions=("eval", "Function", "process.kill"),
        approval_required_operations=("network_request",),
    ),
)


async def found(root: Path, path: str, text: str, rules: SafetyRules = RULES) -> list[ScanFinding]:
    write_text(root, path, text)
    return list(await scan(root, [path], rules, "python"))


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess",
        "import subprocess as s",
        "import subprocess.x",
        "from subprocess import run",
        "def f():\n    import ctypes.util",
        "__import__('subprocess')",
        "import importlib\nimportlib.import_module('subprocess')",
        "from importlib import import_module as i\ni('ctypes')",
        "eval('1')",
        "f = eval\nf('1')",
        "import builtins\nbuiltins.eval('1')",
        "import builtins as b\ngetattr(b, 'exec')('1')",
        "__builtins__['eval']('1')",
        "__builtins__.eval('1')",
        "from builtins import eval as e",
        "import os\nos.system('x')",
        "import os as o\no.execv('x', [])",
        "from os import system",
        "import os\nx = os\nx.system('x')",
        "import os\nvars(os)['system']('x')",
        "import os\ngetattr(os, 'system')('x')",
    ],
)
async def test_python_blocked(tmp_path: Path, code: str) -> None:
    findings = await found(tmp_path, "app.py", code)
    assert any(item.verdict == "blocked" and item.severity == "critical" for item in findings), findings


@pytest.mark.parametrize(
    "code",
    [
        "import requests",
        "import shutil\nshutil.rmtree('x')",
        "from urllib.request import urlopen",
        "open('/etc/hosts')",
        "from pathlib import Path\nPath('/home/x')",
        "open('../../x')",
        "import importlib\nimportlib.import_module(name)",
    ],
)
async def test_python_needs_an_approval(tmp_path: Path, code: str) -> None:
    findings = await found(tmp_path, "app.py", code)
    assert {item.verdict for item in findings} >= {"approval_required"}
    assert not any(item.verdict == "blocked" for item in findings)


@pytest.mark.parametrize(
    "code",
    [
        "import os\nprint(os.path.join('a', 'b'), os.environ)",
        "import re\nre.compile('x')",
        "model.eval()",
        "def compile(x): return x\ncompile(1)",
        "open('data.csv')\nopen('/tmp/x')",
        "import subprocessor",
    ],
)
async def test_python_free(tmp_path: Path, code: str) -> None:
    findings = await found(tmp_path, "app.py", code)
    assert not any(item.verdict in ("blocked", "approval_required") for item in findings), findings


@pytest.mark.parametrize(
    "code",
    [
        "require('child_process')",
        "const c = require('node:child_process').exec",
        "import net from 'node:net'",
        "export * from 'child_process'",
        "await import('child_process')",
        "require(`net`)",
        "eval('1')",
        "globalThis.eval('1')",
        "globalThis['eval']('1')",
        "new Function('return 1')()",
        "const F = Function; F('x')",
        "process.kill(1)",
        "const {createRequire} = require('module'); createRequire('child_process')",
    ],
)
async def test_javascript_blocked(tmp_path: Path, code: str) -> None:
    findings = await found(tmp_path, "app.mjs", code)
    assert any(item.verdict == "blocked" for item in findings), findings


@pytest.mark.parametrize("code", ["require(name)", "const r = require; r('x')", "import h from 'https'", "fetch('x')"])
async def test_javascript_needs_an_approval(tmp_path: Path, code: str) -> None:
    assert {item.verdict for item in await found(tmp_path, "app.js", code)} == {"approval_required"}


async def test_javascript_free(tmp_path: Path) -> None:
    code = (
        "const fs = require('node:fs'); function evaluate(x) { return x.net + fs.size } module.exports = { evaluate }"
    )
    assert await found(tmp_path, "app.js", code) == []


async def test_a_file_that_cannot_be_parsed_is_stopped(tmp_path: Path) -> None:
    for path, text in (("a.py", "def f(:"), ("a.js", "function ("), ("tests/test_a.py", "x ="), ("a.ts", "let x: =")):
        findings = await found(tmp_path, path, text)
        assert [(item.rule, item.verdict) for item in findings] == [("cannot_be_parsed", "blocked")]


async def test_what_cannot_be_scanned_never_passes(tmp_path: Path) -> None:
    (tmp_path / "link.py").symlink_to("/etc/hosts")
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "latin.py").write_bytes(b"x = '\xff'")
    (tmp_path / "latin.js").write_bytes(b"x = '\xff'")
    (tmp_path / "wide.ts").write_bytes("let x = 1".encode("utf-16"))
    (tmp_path / "cookie.py").write_bytes(b"# -*- coding: utf-7 -*-\nx = 1\n")
    (tmp_path / "null.py").write_bytes(b"x = 1\n\0import os")
    (tmp_path / "deep.py").write_text("x = " + "(" * 5000 + ")" * 5000)
    (tmp_path / "long.py").write_text("x = " + "+".join(["1"] * 20_000))
    (tmp_path / "big.js").write_bytes(b"//" + b"x" * 2 * 2**20)
    (tmp_path / "cells.ipynb").write_text("{}")
    (tmp_path / "native.so").write_bytes(b"\x7fELF")
    (tmp_path / "start.pth").write_text("import os")
    names = [*sorted(path.name for path in tmp_path.iterdir()), "gone.py"]
    findings = await scan(tmp_path, names, RULES, "python")
    assert {item.path for item in findings if item.rule.startswith("cannot_be_")} == set(names)
    blocked = {item.path for item in findings if item.verdict == "blocked"}
    assert blocked == {"link.py", "fifo.py", "native.so", "start.pth", "deep.py"}
    assert all(item.verdict == "approval_required" for item in findings if item.path not in blocked)


async def test_a_file_that_hangs_or_crashes_the_scanner_never_passes(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("x = [\n" + "f(a, b, c, d),\n" * 100_000 + "]\n")
    (tmp_path / "plain.py").write_text("import subprocess\n")
    impatient, patient = ScanProcess(file_timeout_s=0.3), ScanProcess()
    try:
        findings = await scan(tmp_path, ["slow.py", "plain.py"], RULES, "python", impatient)
        assert [(item.path, item.verdict) for item in findings if item.rule == "cannot_be_scanned"] == [
            ("slow.py", "approval_required")
        ]
        assert "busy" in next(item.message for item in findings if item.path == "slow.py")
        assert [item.verdict for item in findings if item.path == "plain.py"][:1] == ["blocked"]

        patient.start()
        assert patient.pid is not None
        killing = asyncio.get_running_loop().call_later(0.2, os.kill, patient.pid, signal.SIGKILL)
        findings = await scan(tmp_path, ["slow.py", "plain.py"], RULES, "python", patient)
        killing.cancel()
        assert {(item.path, item.rule) for item in findings if item.verdict != "warning"} == {
            ("slow.py", "cannot_be_scanned"),
            ("plain.py", "blocked_import:subprocess"),
        }
    finally:
        impatient.close()
        patient.close()


async def test_many_files_are_read_side_by_side_and_none_is_left_out(tmp_path: Path) -> None:
    names = [f"m{number}.py" for number in range(20)]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(("import subprocess\n", "x = 1\n", "def f(:\n")[number % 3])
    alone = ScanProcess()
    try:
        one_by_one = await scan(tmp_path, [*names, "gone.py"], RULES, "python", alone)
    finally:
        alone.close()
    assert await scan(tmp_path, [*names, "gone.py"], RULES, "python") == one_by_one
    clean = {name for number, name in enumerate(names) if number % 3 == 1}
    assert {item.path for item in one_by_one} == {*names, "gone.py"} - clean


async def test_bandit_is_deaf_to_the_project(tmp_path: Path) -> None:
    (tmp_path / ".bandit").write_text("[bandit]\nskips: B324\nexclude: /\n")
    code = "import hashlib\nhashlib.md5(b'x').hexdigest()  # nosec\n"
    for path in ("app.py", ".eggs/app.py"):
        findings = await found(tmp_path, path, code)
        assert [(item.rule, item.verdict, item.line) for item in findings] == [("bandit:B324", "approval_required", 2)]


async def test_tests_may_use_what_tests_need(tmp_path: Path) -> None:
    code = "import subprocess\nfrom urllib.request import urlopen\ndef test_x():\n    assert subprocess.run(['x'])\n"
    assert await found(tmp_path, "tests/test_x.py", code) == []
    assert [item.verdict for item in await found(tmp_path, "tests/test_y.py", "eval('1')")] == ["blocked"]


async def test_scripts_without_an_ending_are_read_by_their_first_line(tmp_path: Path) -> None:
    assert await found(tmp_path, "LICENSE", "import subprocess\n") == []
    assert any(
        item.verdict == "blocked" for item in await found(tmp_path, "run", "#!/usr/bin/env python3\nimport ctypes\n")
    )


def test_loading_bandit_leaves_its_missing_format_out_of_the_log_and_nothing_else() -> None:
    code = (
        "import logging\nlogging.basicConfig(format='%(message)s')\n"
        "from sandbox.scan_bandit import load_bandit\n"
        "load_bandit()\nlogging.getLogger('stevedore.extension').error('Could not load %r: %s', 'blacklist', 'why')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "Could not load 'blacklist': why\n"
