"""Folders of configuration files for the tests of `config`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.config import Config
from config.load import load_config


@dataclass(frozen=True)
class Files:
    """A person's folder and a project, both empty at first."""

    home: Path
    project: Path

    @property
    def user(self) -> Path:
        return self.home / "config"

    def write(self, name: str, text: str) -> Path:
        """A file of the person's own."""
        return _write(self.user / name, text)

    def write_project(self, name: str, text: str) -> Path:
        """A file of the project's `.miracle/`."""
        return _write(self.project / ".miracle" / name, text)

    def load(self, overrides: Mapping[str, Any] | None = None, **environ: str) -> Config:
        """The configuration for the project, in an environment of just these variables."""
        return load_config(self.project, {"MIRACLE_HOME": str(self.home), **environ}, overrides)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A person's folder and a project below the test's own folder."""
    (tmp_path / "project").mkdir()
    return Files(tmp_path / "home", tmp_path / "project")
