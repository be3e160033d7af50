"""The whole configuration as one frozen value."""

from dataclasses import dataclass, field

from config.database import Database
from config.openai import OpenAI
from config.paths import Paths
from config.rules import Dependencies, SafetyRules
from config.settings import Settings


@dataclass(frozen=True)
class Config:
    """What every part of Miracle is configured by; made by `config.load.load_config`."""

    paths: Paths
    settings: Settings = field(default_factory=Settings)
    database: Database = field(default_factory=Database)
    openai: OpenAI = field(default_factory=OpenAI)
    prompts: dict[str, str] = field(default_factory=dict)
    """Agent to system prompt."""
    rules: SafetyRules = field(default_factory=SafetyRules)
    dependencies: Dependencies = field(default_factory=Dependencies)
    sources: dict[str, str] = field(default_factory=dict)
    """Dotted key to the layer that set it, for `miracle config show`."""
