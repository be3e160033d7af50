"""docs/configuration.md says what the code does."""

import pytest

from config.documents import FILES, dotted, read_document
from config.environment import VARIABLES
from config.load import PACKAGED
from config.openai import OpenAI
from config.reference import PAGE, with_reference
from config.stack import MODELS, flatten, leaves

FIELDS = [(key, info) for root, model in MODELS.items() for key, info in leaves(model, (root,))]


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_reference(page) == page, "run: python -m config.reference"


def test_the_page_names_every_variable() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert not [name for name in VARIABLES if f"`{name}`" not in page]


@pytest.mark.parametrize(("key", "info"), FIELDS, ids=[dotted(key) for key, _ in FIELDS])
def test_every_key_is_explained(key: tuple[str, ...], info: object) -> None:
    description = getattr(info, "description", None)
    assert description, f"{dotted(key)} has no docstring"
    assert description.endswith(".")


@pytest.mark.parametrize("root", MODELS)
def test_packaged_files_name_every_key(root: str) -> None:
    document = read_document(PACKAGED / FILES[root], root)
    assert document is not None
    assert read_document(PACKAGED / FILES[root], root, packaged=True) == document, "both parsers read the same"
    named = {key for key, _, _ in flatten(document, root)}
    missing = [
        dotted(key) for key, _ in leaves(MODELS[root], (root,)) if not any(at[: len(key)] == key for at in named)
    ]
    optional = {"openai.prices", "openai.context.windows", "settings.interface.keymap"}
    assert not set(missing) - optional


def test_defaults_of_the_files_and_of_the_models_agree() -> None:
    document = read_document(PACKAGED / FILES["openai"], "openai")
    assert document is not None
    packaged = OpenAI.model_validate({name: document.values[name] for name in ("parameters", "retry", "embedding")})
    assert (packaged.parameters, packaged.retry, packaged.embedding) == (
        OpenAI().parameters, OpenAI().retry, OpenAI().embedding,
    )  # fmt: skip
