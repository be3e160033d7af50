"""Which plugins a project's packages bring to pytest in the sandbox, and which of its options are left out there."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sandbox.runners.inside.miracle_plugins import PluginBroken, Settings, brought_plugins, load, sorted_out

ASYNCIO = {"asyncio": "pytest_asyncio.plugin"}


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("-ra --strict-markers -m 'not slow' tests", "-ra --strict-markers -m 'not slow' tests"),
        ("-n auto -x", "-x"),
        ("-n4 --dist=loadfile -q", "-q"),
        ("--cov --cov-report term-missing --cov-fail-under=90 -v", "-v"),
        ("--cov src tests", "tests"),
        ("--reruns 2 --reruns-delay=1 --maxfail=1", "--maxfail=1"),
        ("--junitxml=out.xml --html report.html --pdb", ""),
        ("--timeout 20 --asyncio-mode=auto", "--asyncio-mode=auto"),
        ("-p no:cacheprovider -p xdist -p pytest_asyncio.plugin -pno:doctest", "-p no:cacheprovider -pno:doctest"),
        ("-p own.plugin -W error --durations 5", "-p own.plugin -W error --durations 5"),
        ("--runslow --cov=pkg", "--runslow"),
        ("-n", ""),
    ],
)
def test_options_that_only_make_sense_outside_are_left_out(options: str, kept: str) -> None:
    import shlex

    settings = Settings()
    assert sorted_out(shlex.split(options), ASYNCIO, settings) == shlex.split(kept)
    silent = options == kept or "-p pytest_asyncio.plugin" in options
    assert bool(settings.notices) != silent or "xdist" in options
    assert {"cacheprovider", "doctest"} <= settings.blocked or "no:" not in options


def test_plugins_are_those_that_lie_in_the_projects_folder_and_one_that_fails_is_named(tmp_path: Path) -> None:
    about = tmp_path / "plug-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[console_scripts]\nx = plug:x\n[pytest11]\nplug = plug.it\nother = plug.o\n"
    )
    found = brought_plugins(str(tmp_path))
    assert [(one.name, one.value) for one in found] == [("other", "plug.o"), ("plug", "plug.it")]
    assert brought_plugins(str(tmp_path / "gone")) == []
    assert load(found, {"plug", "other"}) == []
    with pytest.raises(PluginBroken, match=r"other \(plug.o\) does not load.\n.*No module named 'plug'"):
        load(found, set())
    with pytest.raises(PluginBroken, match="early"):
        load([EntryPoint("early", "early:nothing", "pytest11")], set())
