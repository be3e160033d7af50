"""What `allowed_deps.json` says of a package."""

from config.rules import LanguageDependencies
from sandbox.packages.names import distribution_of, modules_of
from sandbox.packages.values import Standing, canonical
from sandbox.protocol import Language


def standing_of(name: str, language: Language, rules: LanguageDependencies) -> Standing:
    """Whether a package is blocked, always asked about, on the allowlist, or on no list; the strictest wins.

    Args:
        name: of the distribution; a list may name it by a module that it provides.
        language: whose lists these are.
        rules: the lists.
    """
    names = _spellings(name, language)
    if names & _all(rules.blocked, language):
        return "blocked"
    if names & _all(rules.approval_required, language):
        return "approval_required"
    return "allowed" if names & _all(rules.allowed, language) else "unknown"


def _spellings(name: str, language: Language) -> frozenset[str]:
    if language == "node":
        return frozenset({name})
    return frozenset({canonical(name), *(canonical(module) for module in modules_of(name))})


def _all(names: tuple[str, ...], language: Language) -> frozenset[str]:
    if language == "node":
        return frozenset(names)
    return frozenset(canonical(one) for name in names for one in (name, distribution_of(name)))
