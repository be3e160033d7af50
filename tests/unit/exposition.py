"""A strict reader of Prometheus' text format 0.0.4: it takes what the format's description allows, and nothing else."""

import re

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) ((?:[^\\\n]|\\\\|\\n)*)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\n|\\")*)"')
_SAMPLE = re.compile(rf"({_NAME})\{{({_LABEL.pattern}(?:,{_LABEL.pattern})*)?\}} (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
_ESCAPE = re.compile(r"\\(.)")


def parse_exposition(text: str) -> Samples:
    """The samples by name and labels.

    Raises:
        AssertionError: a line, an order or a name is not as the format wants it.
    """
    assert not text or text.endswith("\n"), "the last line must end"
    kinds: dict[str, str] = {}
    helped: set[str] = set()
    samples: Samples = {}
    current = ""
    for line in text.splitlines():
        if told := _HELP.fullmatch(line):
            assert told[1] not in helped | set(kinds), f"a second HELP: {line}"
            helped.add(told[1])
        elif typed := _TYPE.fullmatch(line):
            current = typed[1]
            assert current not in kinds, f"a second TYPE: {line}"
            assert current in helped, f"a TYPE without HELP: {line}"
            kinds[current] = typed[2]
        else:
            name, labels, value = _sample(line)
            _check(current, kinds.get(current, ""), name, labels, value)
            key = (name, frozenset(labels.items()))
            assert key not in samples, f"a sample twice: {line}"
            samples[key] = value
    assert helped == set(kinds), "a HELP without TYPE"
    return samples


def _sample(line: str) -> tuple[str, dict[str, str], float]:
    found = _SAMPLE.fullmatch(line)
    assert found, f"no sample: {line}"
    pairs = _LABEL.findall(found[2] or "")
    labels = {name: _ESCAPE.sub(lambda escaped: {"n": "\n"}.get(escaped[1], escaped[1]), raw) for name, raw in pairs}
    assert len(labels) == len(pairs), f"a label twice: {line}"
    return found[1], labels, float(found[len(found.groups())])


def _check(family: str, kind: str, name: str, labels: dict[str, str], value: float) -> None:
    suffixes = ("", "_sum", "_count") if kind == "summary" else ("",)
    assert name in [family + suffix for suffix in suffixes], f"{name} is not of {family}"
    assert (kind == "counter") == family.endswith("_total"), f"{family} is a {kind}"
    assert kind != "counter" or value >= 0, f"{name} counts down"
    assert ("quantile" in labels) == (kind == "summary" and name == family), f"the quantile of {name}"
