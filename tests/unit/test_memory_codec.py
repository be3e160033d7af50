"""JSON that PostgreSQL accepts gives back what it was given."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from memory.codec import clean_text, dump_json, load_json

TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20) | st.sampled_from(
    ["\x00", "\x1a0041", "\x1anan", "\ud800", "😀", "\\u0000"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_any_value_survives_and_holds_nothing_that_jsonb_refuses(value: object) -> None:
    stored = dump_json(value)
    assert load_json(stored) == value
    assert load_json(stored.encode()) == value
    plain = json.dumps(json.loads(stored), ensure_ascii=False)
    assert "\\u0000" not in plain.replace("\\\\", "")
    plain.encode("utf-8")


def test_nan_survives() -> None:
    assert math.isnan(load_json(dump_json({"a": [float("nan")]}))["a"][0])


def test_text_is_cleaned_visibly() -> None:
    assert clean_text("a\x00b\ud800c\x1a") == "a␀b�c\x1a"
