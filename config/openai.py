"""The settings of `openai.yaml`: which models, where they are served, how they are asked."""

from pydantic import Field, SecretStr

from config.settings import Section

ROLES = ("reprompter", "planner", "coder", "tester", "reflector", "reviewer", "auditor", "replanner")
"""The agents, each with a model in `openai.yaml` and a prompt in `system_prompts.yaml`."""


class Api(Section):
    """Where the models are served."""

    key: SecretStr | None = None
    """The API key; `${OPENAI_API_KEY}` by default."""
    organization: str | None = None
    """The organisation, where the server wants one."""
    base_url: str = "https://api.openai.com/v1"
    """Any OpenAI-compatible server."""
    timeout_seconds: float = Field(default=120, gt=0)
    """Seconds without a byte after which a call is given up."""


class Embedding(Section):
    """The embeddings endpoint; `models.embedding` names its model."""

    base_url: str = ""
    """Another OpenAI-compatible server for embeddings; empty means the one under `api`."""
    key: SecretStr | None = None
    """The API key of that server; only sent there. The server under `api` takes the key under `api`."""
    timeout_seconds: float = Field(default=30, gt=0)
    """Seconds without a byte after which a call is given up and the offline embedder serves."""
    dimensions: int = Field(default=1536, ge=8, le=4000)
    """Length of the vectors."""


class Parameters(Section):
    """Sampling parameters of every call."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """Randomness of the answers, 0 to 2; empty leaves it to the model (reasoning models refuse a value)."""
    top_p: float | None = Field(default=None, ge=0, le=1)
    """Share of the probability mass that is sampled from; empty leaves it to the model."""
    max_tokens: int = Field(default=16384, ge=1)
    """Most tokens of one answer, thinking included."""
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    """Penalty of repeated tokens; empty leaves it to the model."""
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    """Penalty of tokens that occurred at all; empty leaves it to the model."""


class Context(Section):
    """How much a model is given to read."""

    max_tokens: int = Field(default=128_000, ge=4_096)
    """Most tokens of a prompt and its answer together, whatever the model could take: a longer prompt costs more."""
    windows: dict[str, int] = Field(default_factory=dict)
    """Tokens that a model can read and answer with in one call, where the price table does not know it, by model."""


class Retry(Section):
    """How transient errors are retried."""

    max_attempts: int = Field(default=3, ge=1)
    """Attempts in all for one model."""
    min_wait_seconds: float = Field(default=2, ge=0)
    """Seconds before the second attempt."""
    max_wait_seconds: float = Field(default=10, ge=0)
    """Most seconds between two attempts."""
    exponential_base: float = Field(default=2, ge=1)
    """Factor by which the wait grows from attempt to attempt."""
    max_server_wait_seconds: float = Field(default=120, ge=0)
    """Longest Retry-After that is obeyed; a longer one stops the attempt."""


class Price(Section):
    """A model's price where the price table does not know it, in USD a million tokens."""

    input: float = Field(ge=0, allow_inf_nan=False)
    """US dollars for a million tokens of input."""
    output: float = Field(ge=0, allow_inf_nan=False)
    """US dollars for a million tokens of output."""


class OpenAI(Section):
    """All of `openai.yaml`."""

    provider: str = "openai"
    """Name of the provider in the price table."""
    api: Api = Api()
    models: dict[str, str] = Field(default_factory=dict)
    """Agent to model; `embedding` names the embeddings model, `default` serves agents without an entry."""
    fallback_sequence: tuple[str, ...] = ()
    """Models tried in turn when an agent's own model fails."""
    embedding: Embedding = Embedding()
    parameters: Parameters = Parameters()
    context: Context = Context()
    retry: Retry = Retry()
    prices: dict[str, Price] = Field(default_factory=dict)
    """Prices that override the price table, by model."""

    @property
    def embedding_model(self) -> str:
        """The model that is asked for vectors."""
        return self.models.get("embedding", "text-embedding-3-large")

    def sequence(self, role: str) -> tuple[str, ...]:
        """The models for an agent in the order they are tried: its own, then the fallbacks."""
        own = self.models.get(role) or self.models.get("default", "gpt-5.1")
        return (own, *(model for model in self.fallback_sequence if model != own))
