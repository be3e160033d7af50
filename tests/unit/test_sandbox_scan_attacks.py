"""The scan under attack, by the rules that Miracle comes with: every disguise is seen."""

import json
from pathlib import Path

import pytest

from config.load import load_config
from config.rules import SafetyRules
from sandbox.scan import scan


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> SafetyRules:
    folder = tmp_path_factory.mktemp("config")
    return load_config(None, {"MIRACLE_HOME": str(folder)}).rules


PYTHON_BLOCKED = {
    "alias": "import os as o\no.system('x')",
    "from alias": "from os import system as s\ns('x')",
    "folded": "getattr(__builtins__, 'ev' + 'al')('1')",
    "joined": "getattr(__builtins__, ''.join(['e', 'val']))('1')",
    "reversed": "getattr(__builtins__, 'lave'[::-1])('1')",
    "f-string": "getattr(__builtins__, f\"{'ev'}al\")('1')",
    "characters": "getattr(__builtins__, chr(101) + 'val')('1')",
    "globals": "globals()['eval']('1')",
    "globals get": "globals().get('eval')('1')",
    "globals builtins": "globals()['__builtins__']['exec']('1')",
    "import by hand": "__import__('o' + 's').system('x')",
    "import of import": "__import__('builtins').__import__('subprocess')",
    "importlib": "import importlib\nimportlib.import_module('sub' + 'process')",
    "importlib member": "import importlib as i\ni.import_module('os').system('x')",
    "modules": "import sys\nsys.modules['os'].system('x')",
    "modules get": "import sys\nsys.modules.get('os').popen('x')",
    "os by a neighbour": "import posix\nposix.system('x')",
    "dict": "import os\nos.__dict__['system']('x')",
    "vars": "import os\nvars(os)['sys' + 'tem']('x')",
    "getattribute": "import os\nos.__getattribute__('system')('x')",
    "attrgetter": "import os, operator\noperator.attrgetter('system')(os)('x')",
    "decorator": "@exec\n@input\nclass X: pass",
    "default": "def f(x, run=eval): return run(x)",
    "star": "from os import *\nsystem('x')",
    "star builtins": "from builtins import *\neval('1')",
    "walrus": "import os\n(o := os).system('x')",
    "walrus later": "import os\nif (o := os):\n    o.system('x')",
    "pair": "import os\na, b = os, 1\na.system('x')",
    "loop": "import os\nfor o in [os]: o.system('x')",
    "comprehension": "import os\n[o.system('x') for o in (os,)]",
    "partial": "import functools\nfunctools.partial(eval, '1')()",
    "map": "list(map(eval, ['1']))",
    "lambda": "f = lambda s, e=exec: e(s)",
    "match": "match 1:\n    case eval(): pass",
    "byte order mark": "\ufeffimport subprocess",
    "form feed": "\fimport subprocess",
    "continued": "import \\\n  subprocess",
    "semicolons": "x = 1; import subprocess; y = 2",
    "letters": "𝒆𝓿𝓪𝓵('1')",
    "frames": "import sys\nsys._getframe(0).f_globals",
    "made function": "import types\ntypes.FunctionType(c, {})",
    "module's module": "import logging\nlogging.os.system('x')",
    "module's private module": "import random\nrandom._os.system('x')",
    "module's process": "import webbrowser\nwebbrowser.subprocess.run(['x'])",
    "imported from a module": "from shutil import os\nos.system('x')",
    "module's socket": "from http import client\nclient.socket.create_connection(x)",
    "method of that name": "class A:\n    def eval(self): pass\neval('1')",
    "own name too late": "eval('1')\ndef eval(x): return x",
    "own name imported over": "def eval(x): pass\nfrom builtins import *\neval('1')",
    "own name deleted": "def exec(x): pass\ndel exec\nexec('1')",
    "own name's default": "def exec(x, run=exec): run(x)",
    "second binding": "import os\nos.system('x')\nimport json as os",
    "second value": "import json\no = json\nimport os\no = os\no.system('x')",
    "second builtin": "from json import loads as e\ne = eval\ne('1')",
    "module's builtins": "import inspect\ninspect.builtins.eval('1')",
    "annotation as text": "def f(x: \"eval('1')\"): pass",
    "under the imports": "import _frozen_importlib as f\nf._gcd_import('os')",
    "typing only": "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    import subprocess",
}


@pytest.mark.parametrize("code", PYTHON_BLOCKED.values(), ids=PYTHON_BLOCKED)
async def test_python_is_blocked_under_any_disguise(tmp_path: Path, rules: SafetyRules, code: str) -> None:
    assert "blocked" in await verdicts(tmp_path, "app.py", code, rules)


PYTHON_ASKED = {
    "computed of any module": "import logging\ngetattr(logging, name).system('x')",
    "handed on": "import os\nf(os)",
    "in a list": "import os\nx = [[os]]",
    "returned": "import os\ndef f(): return os",
    "computed": "import os\ngetattr(os, name)('x')",
    "computed builtin": "getattr(__builtins__, name)('x')",
    "computed scope": "globals()[name]('x')",
    "computed module": "import sys\nsys.modules[name]",
    "computed dict": "import os\nos.__dict__[name]",
    "computed import": "__import__(name)",
    "subclasses": "().__class__.__base__.__subclasses__()",
    "subclasses by name": "getattr(object, '__subclasses__')()",
    "frame globals": "f.f_globals['x']",
    "function globals": "f.__globals__['__builtins__']",
    "loader": "__loader__.load_module('x')\nf.__loader__",
    "by path": "import runpy\nrunpy.run_path('x.txt')",
    "spec": "import importlib.util as u\nu.spec_from_file_location('x', 'x.txt')",
    "console": "import code\ncode.interact()",
    "test's rights": "from tests.tools import run",
    "conftest's rights": "import conftest",
    "codec": "import codecs\ncodecs.register(f)",
    "on an object": "import os\nself.o = os",
    "on a class": "import os\nclass A:\n    o = os",
    "in a tuple": "import os\nx = (os,)\nx[0].system('x')",
    "all modules": "import sys\nfor m in sys.modules.values(): m.system('x')",
    "all of a module": "import os\nfor k, v in vars(os).items(): v('x')",
    "copied names": "import os\ndict(os.__dict__)['system']('x')",
    "owner of a builtin": "print.__self__.eval('1')",
    "computed of a literal": "getattr((), name)",
    "computed attribute": "import os\nos.__getattribute__(name)('x')",
    "stripped": "import os\ngetattr(os, 'xsystem'.strip('x'))('x')",
    "encoded": "import os\ngetattr(os, b'+AHM-ystem'.decode('utf-7'))('x')",
    "shown bytes": "import os\ngetattr(os, str(b'system')[2:8])('x')",
    "formatted": "import os\ngetattr(os, f\"{'systemx':.6}\")('x')",
    "found by name": "import pkgutil\npkgutil.resolve_name('os:system')('x')",
    "profiled": "import cProfile\ncProfile.run('import os')",
    "logging's factories": "from logging.config import dictConfig\ndictConfig(x)",
    "native extension": "db.enable_load_extension(True)",
    "outside by os": "import os\nos.symlink('/etc/passwd', 'x')",
    "loop's network": "loop.create_connection(f, 'host', 80)",
}


@pytest.mark.parametrize("code", PYTHON_ASKED.values(), ids=PYTHON_ASKED)
async def test_python_needs_an_approval(tmp_path: Path, rules: SafetyRules, code: str) -> None:
    assert await verdicts(tmp_path, "app.py", code, rules) & {"blocked", "approval_required"}


SCRIPT_BLOCKED = {
    "destructured": "const { exec: e } = require('child_process')",
    "template": "require(`child_process`)",
    "tag": "require`child_process`",
    "concatenated": "require('child' + '_process')",
    "escaped": "require('\\x63hild_process')",
    "escaped name": "\\u0065val('1')",
    "comma": "(0, eval)('1')",
    "wrapped": "((eval))('1')",
    "computed": "globalThis['ev' + 'al']('1')",
    "window of window": "globalThis.globalThis.eval('1')",
    "global alias": "const g = globalThis; g.eval('1')",
    "global destructured": "const { eval: e } = globalThis; e('1')",
    "computed key": "const { ['eval']: e } = globalThis",
    "reflect": "Reflect.get(globalThis, 'eval')('1')",
    "created require": "import { createRequire as c } from 'module'; const r = c(import.meta.url); r('child_process')",
    "created at once": "const m = require('module'); m.createRequire('/')('net')",
    "main module": "process.mainModule.require('child_process')",
    "module require": "module.require('child_process')",
    "module load": "require('module')._load('child_process')",
    "builtin module": "process.getBuiltinModule('child_process')",
    "binding": "process.binding('spawn_sync')",
    "binding by key": "process['bind' + 'ing']('spawn_sync')",
    "binding alias": "const { binding: b } = process; b('spawn_sync')",
    "imported process": "import p from 'node:process'; p.kill(1)",
    "imported kill": "import { kill } from 'process'; kill(1)",
    "required process": "require('process').dlopen({}, 'x')",
    "dynamic import": "const { exec } = await import('node:child_process')",
    "import then": "import('child_process').then(m => m)",
    "re-export": "export { exec } from 'child_process'",
    "new function": "new Function('return 1')()",
    "constructors": "[].constructor.constructor('return 1')()",
    "constructors by key": "[]['constructor']['constructor']('return 1')()",
    "optional": "globalThis?.eval?.('1')",
    "default value": "function f(e = eval) {}",
    "shorthand": "const o = { eval }; o.eval('1')",
    "spread line": "// harmless\u2028eval('1')",
    "return line": "// harmless\reval('1')",
    "byte order mark": "\ufeffrequire('child_process')",
    "shebang": "#!/usr/bin/env node\nrequire('net')",
    "class field": "class A { x = eval }",
    "long escape": "require('\\u{0000000063}hild_process')",
    "long escape in a name": "\\u{00000065}val('1')",
    "destructured constructor": "const { constructor: F } = () => {}; F('1')()",
    "second value": "let p = JSON; p = process; p.kill(1)",
    "native module": "require('./x.node')",
    "getter": "const o = { get x() { return eval } }",
}


@pytest.mark.parametrize("code", SCRIPT_BLOCKED.values(), ids=SCRIPT_BLOCKED)
async def test_javascript_is_blocked_under_any_disguise(tmp_path: Path, rules: SafetyRules, code: str) -> None:
    assert "blocked" in await verdicts(tmp_path, "app.js", code, rules)
    assert "blocked" in await verdicts(tmp_path, "app.ts", code, rules)


TYPED_BLOCKED = {
    "cast": "(process as any).binding('x')",
    "non-null": "process!.kill(1)",
    "satisfies": "(eval satisfies unknown)('1')",
    "import require": "import cp = require('child_process')",
    "decorator": "class A { @eval f() {} }",
    "decorator call": "@dec(eval) class A {}",
    "enum": "enum E { a = eval('1') }",
    "namespace": "namespace N { export const x = require('net') }",
    "parameter": "class A { constructor(private e = eval) {} }",
    "generic": "require<any>('child_process')",
    "typed": "const c: any = require('child_process'); c.exec('x')",
}


@pytest.mark.parametrize("code", TYPED_BLOCKED.values(), ids=TYPED_BLOCKED)
async def test_typescript_is_blocked(tmp_path: Path, rules: SafetyRules, code: str) -> None:
    for path in ("app.ts", "app.mts", "app.cts", "app.tsx"):
        assert "blocked" in await verdicts(tmp_path, path, code, rules)


async def test_jsx_is_read(tmp_path: Path, rules: SafetyRules) -> None:
    for path in ("app.jsx", "app.tsx"):
        assert "blocked" in await verdicts(tmp_path, path, "const a = <b onClick={() => eval('1')}>{x}</b>", rules)
        assert not await verdicts(tmp_path, path, "const a = <b title='eval'>eval and net</b>", rules)


@pytest.mark.parametrize(
    "code",
    [
        "globalThis[name]('x')",
        "process[name]('x')",
        "require(name)",
        "f(globalThis)",
        "const r = require; r('x')",
        "import('data:text/javascript,1')",
        "await import(name)",
        "(async () => {}).constructor('return 1')",
        "const m = require('fs'); m[name]()",
        "o._linkedBinding('x')",
        "require.call(null, 'child_process')",
        "require.bind(null)('child_process')",
        "let p = module; p = process; p.kill(1)",
        "with (process) { binding('x') }",
        "f(...Object.entries(process))",
        "m._compile('1', 'x')",
        "let F = f.constructor; F('1')()",
        "const c = 'constructor'; (() => {})[c]('1')",
        "new WebAssembly.Module(x)",
    ],
)
async def test_javascript_needs_an_approval(tmp_path: Path, rules: SafetyRules, code: str) -> None:
    assert await verdicts(tmp_path, "app.mjs", code, rules) & {"blocked", "approval_required"}


async def test_files_that_run_by_themselves(tmp_path: Path, rules: SafetyRules) -> None:
    assert "approval_required" in await verdicts(tmp_path, "src/sitecustomize.py", "x = 1", rules)
    assert "blocked" in await verdicts(tmp_path, "conftest.py", "eval('1')", rules)
    assert "blocked" in await verdicts(tmp_path, "app.pyi", "import subprocess", rules)
    assert "blocked" in await verdicts(tmp_path, "APP.PY", "import subprocess", rules)


async def test_what_runs_without_being_source(tmp_path: Path, rules: SafetyRules) -> None:
    for path in ("a.pyz", "a.whl", "a.egg", "a.pyo", "lib.so.1", "a.dll"):
        assert "blocked" in await verdicts(tmp_path, path, "x", rules)
    assert "approval_required" in await verdicts(tmp_path, "a.zip", "PK", rules)
    assert "blocked" in await verdicts(tmp_path, "app.py ", "eval('1')", rules)


async def test_shell_in_files(tmp_path: Path, rules: SafetyRules) -> None:
    """What an agent may not run, it may not have run for it by a script unless a person says so."""
    for line in ("rm -rf x", "true && sudo ls", "python -c 'import os; os.system(\"git push\")'"):
        assert "approval_required" in await verdicts(tmp_path, "run.sh", f"#!/bin/sh\n{line}\n", rules)
        assert "approval_required" in await verdicts(tmp_path, "bin/run", f"#!/usr/bin/env bash\n{line}\n", rules)
        package = json.dumps({"name": "x", "scripts": {"test": "node --test", "build": line}})
        assert "approval_required" in await verdicts(tmp_path, "package.json", package, rules)
    assert "blocked" in await verdicts(tmp_path, "package.json", "{", rules)
    assert not await verdicts(tmp_path, "package.json", '{"scripts": {"test": "node --test"}}', rules)
    assert not await verdicts(tmp_path, "run.sh", "set -eu\ncd src && python -m pytest -q\n", rules)


async def test_notebooks(tmp_path: Path, rules: SafetyRules) -> None:
    def notebook(*cells: str) -> str:
        said = [{"cell_type": "markdown", "source": ["eval"]}, *({"cell_type": "code", "source": c} for c in cells)]
        return json.dumps({"cells": said})

    assert "blocked" in await verdicts(tmp_path, "a.ipynb", notebook("x = 1", "import subprocess\n"), rules)
    assert "approval_required" in await verdicts(tmp_path, "a.ipynb", notebook("!curl x"), rules)
    assert "approval_required" in await verdicts(tmp_path, "a.ipynb", notebook("get_ipython().system('x')"), rules)
    assert "approval_required" in await verdicts(tmp_path, "a.ipynb", '{"cells": [], "worksheets": []}', rules)
    assert "approval_required" in await verdicts(tmp_path, "a.ipynb", notebook("%%bash\nrm x"), rules)
    assert not await verdicts(tmp_path, "a.ipynb", notebook("x = 1", "print(x)"), rules)


HARMLESS = {
    "a.py": "import os, sys, re, json, asyncio\nprint(os.path.join('a'), sys.argv, re.compile('x'))\n"
    "asyncio.run(main())\nos.environ.get('x')\nhasattr(os, 'fork')\nself.data['system']\nd.get('eval')\n"
    "if sys.platform == 'win32': pass\nraise SystemExit(main(sys.argv))\nmodel.eval()\nx = getattr(args, name)\n"
    "self.os.name\nargs.socket.send(x)\nself.pickle\n"
    "with open('a') as f: json.dump(x, f)\nsys.modules[__name__]\n"
    "def run(x): return self.compile(x)\nif 'app' in sys.modules: pass\n",
    "lisp.py": "def eval(x, env): return eval(x[0], env)\ndef main(): print(eval([], {}))\n",
    "a.js": "import fs from 'node:fs'; const path = require('path'); module.exports = { path };\n"
    "process.argv.slice(2); process.exit(1); console.log(this.constructor.name, a.b[0], x[key]);\n"
    "export class A extends B { constructor() { super() } }; typeof globalThis; new Map([['eval', 1]])",
    "a.ts": "import type { Socket } from 'net'; interface A { eval: string; net: number }\n"
    "export const f = <T,>(x: T): T => x; enum E { a = 1 }; @dec() class C { private x = 1 as number }",
}


@pytest.mark.parametrize("path", HARMLESS)
async def test_plain_code_is_free(tmp_path: Path, rules: SafetyRules, path: str) -> None:
    assert not await verdicts(tmp_path, path, HARMLESS[path], rules) - {"warning"}


async def verdicts(root: Path, path: str, code: str, rules: SafetyRules) -> set[str]:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(code.encode())
    return {finding.verdict for finding in await scan(root, [path], rules, "python")}
