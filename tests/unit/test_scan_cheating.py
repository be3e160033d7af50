"""Code that wants its tests to pass without doing the work: a person is asked about it."""

from pathlib import Path

from config.load import load_config
from sandbox.scan import scan

CHEATS = {
    "looks for the runner": ("a.py", "import sys\nTESTED = 'pytest' in sys.modules\n", "detects_tests"),
    "looks into the arguments": ("a.py", "import sys\nTESTED = 'pytest' in sys.argv[0]\n", "detects_tests"),
    "reads its variable": ("a.py", "import os\nx = os.environ.get('PYTEST_CURRENT_TEST')\n", "detects_tests"),
    "reads it in pieces": ("a.py", "import os\nx = os.environ['PYTEST_' 'VERSION']\n", "detects_tests"),
    "imports the runner": ("a.py", "from _pytest import python\n", "detects_tests"),
    "reaches into the runner": ("a.py", "import sys\nsys.modules['_pytest.python'].Function.x = 1\n", "detects_tests"),
    "reaches for the reporter": ("a.py", "import __main__\n__main__.Reporter.case = print\n", "detects_tests"),
    "looks for its module": ("a.py", "import importlib.util as u\nx = u.find_spec('pytest')\n", "detects_tests"),
    "changes what assert raises": ("a.py", "import builtins\nbuiltins.AssertionError = Warning\n", "detects_tests"),
    "writes its own memory": ("a.py", "open('/proc/self/mem', 'r+b')\n", "detects_tests"),
    "ends the process": ("a.py", "import os\nos._exit(0)\n", "approval_function:os._exit"),
    "equals by a lambda": ("a.py", "class N:\n  __eq__ = lambda self, other: 1 == 1\n", "equals_anything"),
    "looks for the tools": ("a.py", "import os\nx = os.path.exists('/opt/tools/runners')\n", "detects_tests"),
    "equals everything": (
        "a.py",
        "class N:\n  def __eq__(self, o):\n    'Equal.'\n    return True\n",
        "equals_anything",
    ),
    "reads node's variable": (
        "a.js",
        "if (process.env.NODE_TEST_CONTEXT) {}\n",
        "approval_attribute:NODE_TEST_CONTEXT",
    ),
}
HONEST = {
    "test_a.py": "import os\nimport pytest\nx = os.environ['PYTEST_CURRENT_TEST']\n",
    "a.py": "class N:\n  def __eq__(self, o):\n    return self.x == o.x\nNAME = 'pytest'\nWORDS = 'a' in NAME\n",
    "b.py": "class M:\n  def __eq__(self, o):\n    return NotImplemented\n",
}


async def test_what_only_helps_to_pass_tests_needs_an_approval(tmp_path: Path) -> None:
    rules = load_config(None, {"MIRACLE_HOME": str(tmp_path / "home")}).rules
    for number, (trick, (name, text, rule)) in enumerate(CHEATS.items()):
        path = f"{number}/{name}"
        (tmp_path / str(number)).mkdir()
        (tmp_path / path).write_text(text)
        found = await scan(tmp_path, [path], rules, "node" if name.endswith("js") else "python")
        assert (rule, "approval_required") in [(one.rule, one.verdict) for one in found], trick
    for name, text in HONEST.items():
        (tmp_path / name).write_text(text)
    assert await scan(tmp_path, list(HONEST), rules, "python") == ()
