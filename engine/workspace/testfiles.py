"""Which files are tests, by their names."""

import re

_TEST_NAME = re.compile(
    r"""(?x)
    test_[^/]*\.pyi? | [^/]*_test\.py | tests?\.py | conftest\.py
    | [^/]*[._-](?:test|spec)\.(?:js|mjs|cjs|ts|jsx|tsx|mts|cts) | test(?:-[^/]*)?\.(?:js|mjs|cjs|ts|mts|cts)
    """
)
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec"})


def is_test_file(path: str) -> bool:
    """Whether a file holds tests or what only tests need.

    Args:
        path: relative, with `/` between names.
    """
    *folders, name = path.split("/")
    return bool(_TEST_NAME.fullmatch(name)) or any(folder in _TEST_FOLDERS for folder in folders)
