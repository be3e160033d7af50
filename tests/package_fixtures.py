"""A package index in a folder: wheels and source archives that tests write themselves."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

BACKEND = """
import os, pathlib, zipfile

def _about():
    lines = pathlib.Path("PKG-INFO").read_text().splitlines()
    return {line.split(": ")[0]: line.split(": ")[1] for line in lines}

def get_requires_for_build_wheel(config=None):
    return []

def build_wheel(folder, config=None, metadata=None):
    pathlib.Path(os.environ["TMPDIR"], "built").write_text("code of the package ran")
    about = _about()
    name, version = about["Name"], about["Version"]
    info, file = f"{name}-{version}.dist-info", f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, file), "w") as wheel:
        wheel.write(f"{name}.py")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\n" f"Name: {name}\\nVersion: {version}\\n")
        about = "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(f"{info}/WHEEL", about)
        wheel.writestr(f"{info}/RECORD", "")
    return file
"""


def write_wheel(
    folder: Path, name: str, version: str, *, requires: Iterable[str] = (), licence: str = "MIT", code: str = ""
) -> Path:
    """A wheel with one module."""
    info = f"{name}-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: {licence}\n"
    files = {
        f"{name}/__init__.py": code or f"VERSION = {version!r}\n",
        f"{info}/METADATA": about + "".join(f"Requires-Dist: {one}\n" for one in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(inside, text)
    return path


def write_sdist(folder: Path, name: str, version: str) -> Path:
    """A source archive without a wheel, built by the package `backendy`."""
    root = f"{name}-{version}"
    files = {
        f"{root}/PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{root}/{name}.py": "BUILT = True\n",
        f"{root}/pyproject.toml": "[build-system]\nrequires = ['backendy']\nbuild-backend = 'backendy'\n",
    }
    path = folder / f"{root}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for inside, text in files.items():
            entry = tarfile.TarInfo(inside)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def package_index(folder: Path) -> Path:
    """An index with plain packages, one that brings a blocked one, one that has no wheel, one that imitates."""
    folder.mkdir(parents=True, exist_ok=True)
    write_wheel(folder, "alphapkg", "1.2", requires=["betapkg>=1"])
    write_wheel(folder, "betapkg", "1.0", licence="BSD-3-Clause")
    write_wheel(folder, "gammapkg", "2.0", requires=["evilpkg"])
    write_wheel(folder, "evilpkg", "1.0")
    write_wheel(folder, "requets", "0.1")
    write_wheel(folder, "backendy", "1.0", code=BACKEND)
    write_sdist(folder, "srconly", "0.3")
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
