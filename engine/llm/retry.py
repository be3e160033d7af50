"""Retries of transient errors with backoff, as `openai.yaml` says and as the server asks."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from config.openai import Retry
from engine.llm.errors import Transient
from engine.llm.protocol import OnRetry

_Result = TypeVar("_Result")


async def with_retries(operation: Callable[[], Awaitable[_Result]], retry: Retry, on_retry: OnRetry | None) -> _Result:
    """Run an operation until it succeeds, fails for good, or its attempts are used up.

    Args:
        operation: What is tried.
        retry: Attempts and waits in seconds.
        on_retry: Told before each wait.

    Returns:
        The operation's result.

    Raises:
        ModelError: The last attempt's error; at once when it is not transient, or when the server asks for a longer
            wait than `max_server_wait_seconds`.
    """
    from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
    from tenacity.wait import wait_exponential

    backoff = wait_exponential(
        multiplier=retry.min_wait_seconds,
        exp_base=retry.exponential_base,
        min=retry.min_wait_seconds,
        max=max(retry.min_wait_seconds, retry.max_wait_seconds),
    )

    def wait_s(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_s = error.retry_after_s if isinstance(error, Transient) else None
        return max(backoff(state), asked_s or 0.0)

    def announce(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if on_retry is not None and isinstance(error, Transient) and state.next_action is not None:
            on_retry(error, float(state.next_action.sleep), state.attempt_number)

    async def attempt() -> _Result:
        return await operation()

    def worth_it(error: BaseException) -> bool:
        return isinstance(error, Transient) and (error.retry_after_s or 0.0) <= retry.max_server_wait_seconds

    attempts = AsyncRetrying(
        stop=stop_after_attempt(retry.max_attempts),
        wait=wait_s,
        retry=retry_if_exception(worth_it),
        before_sleep=announce,
        reraise=True,
    )
    return await attempts(attempt)
