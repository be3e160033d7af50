"""What generated code may do: `safety_rules.yaml` and `allowed_deps.json`."""

from typing import Literal

from pydantic import Field

from config.settings import Section

Verdict = Literal["blocked", "approval_required", "warning"]

BANDIT: dict[str, Verdict] = {"HIGH": "approval_required", "MEDIUM": "warning", "LOW": "warning"}
SEVERITIES: dict[Verdict, str] = {"blocked": "critical", "approval_required": "high", "warning": "medium"}


class LanguageRules(Section):
    """The scan's rules for one language."""

    blocked_imports: tuple[str, ...] = ()
    """Modules that may not be imported, nor their submodules; for Node.js `blocked_modules` says the same."""
    approval_imports: tuple[str, ...] = ()
    """Modules that a person has to allow."""
    blocked_functions: tuple[str, ...] = ()
    """Functions that may not be called; a dotted name is a module's function, `*` ends a prefix."""
    approval_functions: tuple[str, ...] = ()
    """Functions that a person has to allow."""
    approval_attributes: tuple[str, ...] = ()
    """Members of whatever object that a person has to allow; `*` ends a prefix."""
    approval_required_operations: tuple[str, ...] = ()
    """Kinds of operation that a person has to allow, whatever function carries them out."""


class CommandRules(Section):
    """Programs that run_command may start, and those that it may not."""

    blocked: tuple[str, ...] = ()
    """Commands that are refused, by their first words."""
    approval: tuple[str, ...] = ()
    """Commands that a person has to allow, by their first words."""
    allowed: tuple[str, ...] = ("*",)
    """Programs that may run without being asked about: `*` is any, `./*` what lies in the worktree. Any other program
    needs an approval; the two lists above come first."""


class Need(Section):
    """What a goal of some kind cannot do without: asked about once in a run, with the reason, and not blocked."""

    title: str
    """What is needed, as a person says it."""
    project_types: tuple[str, ...] = ()
    """Project types that need it."""
    words: tuple[str, ...] = ()
    """Words of a requirement, or of a phase of the plan, that need it."""
    rules: tuple[str, ...] = ()
    """Rules of the scan that it is about, as `blocked_import:socket`; `*` ends a prefix."""


class SafetyRules(Section):
    """All of `safety_rules.yaml`."""

    python: LanguageRules = LanguageRules()
    """Rules for Python."""
    node: LanguageRules = LanguageRules()
    """Rules for JavaScript."""
    needs: dict[str, Need] = Field(default_factory=dict)
    """What a goal can need, by name."""
    commands: CommandRules = CommandRules()
    """Rules for commands."""
    bandit: dict[str, Verdict] = Field(default_factory=BANDIT.copy)
    """Bandit severity to verdict."""
    severity_levels: dict[Verdict, str] = Field(default_factory=SEVERITIES.copy)
    """Verdict to the severity that a finding shows."""


class LanguageDependencies(Section):
    """Packages by what a person said of them."""

    allowed: tuple[str, ...] = ()
    """Packages on the allowlist; the dialog says so when it asks."""
    blocked: tuple[str, ...] = ()
    """Packages that are refused at once."""
    approval_required: tuple[str, ...] = ()
    """Packages that are always asked about, even those on the allowlist."""


class Dependencies(Section):
    """All of `allowed_deps.json`."""

    python: LanguageDependencies = LanguageDependencies()
    """Packages for Python."""
    node: LanguageDependencies = LanguageDependencies()
    """Packages for Node.js."""
