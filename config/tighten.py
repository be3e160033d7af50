"""What a project's own `.miracle/` may say: it may tighten safety, never loosen it.

Each key has a rule: a function of the value that holds without the project and the value that the project asks for. It
returns the value that holds from then on, or raises `Loosens`. A key without a rule cannot be set by a project at all;
`CLOSED` names each of these, so that a new key is never closed or open by oversight.
"""

from collections.abc import Callable
from typing import Any

from config.documents import Key, dotted

Rule = Callable[[Any, Any], Any]

UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}
APPROVE = ("ask", "safe", "all")
BLOCKING = ("minor", "major", "critical", "none")
VERDICTS = ("blocked", "approval_required", "warning")


class Loosens(ValueError):
    """The project asks for less safety than the person's own configuration gives."""


def free(_base: Any, asked: Any) -> Any:
    """No question of safety."""
    return asked


def lower(base: Any, asked: Any) -> Any:
    """A limit that may only go down."""
    if asked is None or (base is not None and asked > base):
        raise Loosens(f"a project can only lower it, and {asked} is more than {base}")
    return asked


def higher(base: int, asked: int) -> int:
    """A demand that may only go up."""
    if asked < base:
        raise Loosens(f"a project can only raise it, and {asked} is less than {base}")
    return asked


def sooner(base: int, asked: int) -> int:
    """A time limit that may only come sooner; 0 means never."""
    if base and (not asked or asked > base):
        raise Loosens(f"a project can only lower it, and {asked or 'never'} is later than {base}")
    return asked


def less_memory(base: str, asked: str) -> str:
    """A limit in bytes that may only go down."""
    if memory_bytes(asked) > memory_bytes(base):
        raise Loosens(f"a project can only lower it, and {asked} is more than {base}")
    return asked


def only(value: Any) -> Rule:
    """A switch that a project can only turn one way."""

    def rule(base: Any, asked: Any) -> Any:
        if asked not in (value, base):
            raise Loosens(f"a project can only set it to {_shown(value)}")
        return asked

    return rule


def narrow(base: str, asked: str) -> str:
    """A choice that a project may make where the person left it open."""
    if asked != base and base != "auto":
        raise Loosens(f"your own configuration chose {base}, which a project cannot change")
    return asked


def stricter(order: tuple[str, ...]) -> Rule:
    """One of several words, the strictest first."""

    def rule(base: str, asked: str) -> str:
        if base in order and order.index(asked) > order.index(base):
            raise Loosens(f"a project can only make it stricter, and {asked} is less strict than {base}")
        return asked

    return rule


def grow(base: tuple[str, ...], asked: tuple[str, ...]) -> tuple[str, ...]:
    """A list to which a project can only add."""
    return (*base, *(item for item in asked if item not in base))


def shrink(base: tuple[str, ...], asked: tuple[str, ...]) -> tuple[str, ...]:
    """A list from which a project can only take."""
    if added := [item for item in asked if item not in base]:
        raise Loosens(f"a project can only shorten it, and {', '.join(added)} is new")
    return asked


def bandit(base: dict[str, str], asked: dict[str, str]) -> dict[str, str]:
    """Verdicts by severity, each of which may only become stricter."""
    for severity, verdict in asked.items():
        stricter(VERDICTS)(base.get(severity, "warning"), verdict)
    return base | asked


RULES: dict[str, Rule] = {
    "settings.orchestrator.max_iterations": lower,
    "settings.orchestrator.checkpoint_frequency": free,
    "settings.orchestrator.warning_threshold": lower,
    "settings.orchestrator.max_concurrent_tasks": lower,
    "settings.agents.questions": free,
    "settings.agents.review": only(True),
    "settings.agents.audit": only(True),
    "settings.agents.block_severity": stricter(BLOCKING),
    "settings.agents.approve": stricter(APPROVE),
    "settings.agents.approval_timeout_s": sooner,
    "settings.agents.max_turns": lower,
    "settings.agents.mutants": higher,
    "settings.agents.min_mutants": higher,
    "settings.memory.similarity_threshold": free,
    "settings.memory.max_similar_failures": free,
    "settings.memory.max_similar_patterns": free,
    "settings.memory.embedder": only("offline"),
    "settings.memory.reembed_max_usd": lower,
    "settings.sandbox.backend": narrow,
    "settings.sandbox.cpu_limit": lower,
    "settings.sandbox.memory_limit": less_memory,
    "settings.sandbox.timeout_seconds": lower,
    "settings.sandbox.output_limit_mb": lower,
    "settings.sandbox.network_enabled": only(False),
    "settings.sandbox.allow_network_after_approval": only(False),
    "settings.safety.block_operations": grow,
    "settings.cost_control.max_budget_per_task": lower,
    "settings.cost_control.max_tokens_per_task": lower,
    "settings.cost_control.warn_at_percentage": lower,
    "settings.cost_control.unknown_price": only("ask"),
    "openai.parameters.temperature": free,
    "openai.parameters.top_p": free,
    "openai.parameters.frequency_penalty": free,
    "openai.parameters.presence_penalty": free,
    "openai.parameters.max_tokens": lower,
    "rules.python.blocked_imports": grow,
    "rules.python.approval_imports": grow,
    "rules.python.blocked_functions": grow,
    "rules.python.approval_functions": grow,
    "rules.python.approval_attributes": grow,
    "rules.python.approval_required_operations": grow,
    "rules.node.blocked_imports": grow,
    "rules.node.approval_imports": grow,
    "rules.node.blocked_functions": grow,
    "rules.node.approval_functions": grow,
    "rules.node.approval_attributes": grow,
    "rules.node.approval_required_operations": grow,
    "rules.commands.blocked": grow,
    "rules.commands.approval": grow,
    "rules.commands.allowed": shrink,
    "rules.bandit": bandit,
    "dependencies.python.allowed": shrink,
    "dependencies.python.blocked": grow,
    "dependencies.python.approval_required": grow,
    "dependencies.node.allowed": shrink,
    "dependencies.node.blocked": grow,
    "dependencies.node.approval_required": grow,
}

CLOSED = (
    "database", "openai.api", "openai.context", "openai.embedding", "openai.fallback_sequence", "openai.models",
    "openai.prices", "openai.provider", "openai.retry", "rules.needs", "rules.severity_levels", "settings.hooks",
    "settings.interface", "settings.logging", "settings.memory.embedding_cache_ttl", "settings.orchestrator.execution",
    "settings.orchestrator.max_parallel_phases", "settings.sandbox.environments_max_age_days",
    "settings.sandbox.environments_max_gb", "settings.sandbox.image_node", "settings.sandbox.image_python",
    "settings.workers",
)  # fmt: skip
"""Keys, or whole sections of them, that no project may set: what the person pays for or shares between projects, whom
they trust, what runs outside of the sandbox, and what would excuse a finding."""


def rule_for(key: Key) -> tuple[Key, Rule] | None:
    """The rule of a key, and the key it governs: a whole mapping is judged at once."""
    for end in range(len(key), 1, -1):
        if rule := RULES.get(dotted(key[:end])):
            return key[:end], rule
    return None


def memory_bytes(text: str) -> int:
    """Bytes of a memory limit such as `512m`."""
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
