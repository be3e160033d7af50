"""What can go wrong with configuration.

ConfigError
+-- ConfigFileError      a file that cannot be read or does not say what it should
+-- SecretError          a secret that is missing or cannot be fetched
"""

from pathlib import Path


class ConfigError(Exception):
    """The base of every configuration error: a title, and a hint that says what to do next."""

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


class ConfigFileError(ConfigError):
    """A configuration file that is broken, named by file, key and line."""

    def __init__(self, path: Path, key: str, line: int | None, problem: str) -> None:
        place = f"{path}" + (f", line {line}" if line else "")
        super().__init__(
            f"{place}: {key + ': ' if key else ''}{problem}",
            "Correct the file, then run `miracle config check`.",
        )
        self.path = path
        self.key = key
        self.line = line


class SecretError(ConfigError):
    """A secret that is missing or that the keyring will not give."""
