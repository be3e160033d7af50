"""What a model is asked: a session's first prompt, and later the conversation as far as the model can read it."""

import asyncio
from functools import cache

from engine import events as e
from engine.agents.agent import Agent
from engine.agents.registry import agent_for
from engine.context.fit import fit, person_words, request_tokens
from engine.context.gather import gather
from engine.context.meter import ContextMeter, measure, prompt_budget, schema_tokens
from engine.context.prompt import Prompt, write_prompt
from engine.llm.protocol import ModelRequest, ToolSchema
from engine.run_context import RunContext
from engine.state import Session, State
from engine.tools.registry import schema, tools_for


async def first_prompt(run: RunContext, agent: Agent, state: State, phase_id: str) -> Prompt:
    """The prompt that a session of this agent begins with; it leaves a quarter of the room to the conversation.

    Args:
        run: the run.
        agent: who begins.
        state: the run as the agent's phase sees it.
        phase_id: the phase; "" for the run's own agents.
    """
    material = await gather(run, agent.sections, phase_id)
    phase = state.phase_by(phase_id)
    budget, _ = await _room(run, agent.role, model_of(run, state, agent.role, phase.model_shift if phase else 0))
    rules = run.config.prompts.get(agent.role, "")
    return write_prompt(agent.sections, rules, state, material, tokens=budget * 3 // 4, redact=run.redact)


def model_of(run: RunContext, state: State, role: str, index: int) -> str:
    """The model at a place of the role's sequence; the last one where there are fewer."""
    models = (state.task.models.get(role) if state.task else None) or run.config.openai.sequence(role)
    return models[min(index, len(models) - 1)]


async def call_request(
    run: RunContext, state: State, session: Session, started: e.CallStarted
) -> tuple[e.CallStarted, ModelRequest] | e.CallFailed:
    """The request of a call, and its beginning with what the request takes; a failure where the model cannot read it.

    Args:
        run: the run.
        state: what is so before the call.
        session: the conversation, with the person's messages that the call carries.
        started: the call's beginning.
    """
    budget, window = await _room(run, session.role, started.model)
    kept = person_words(state, session.id)
    messages = fit(session.messages, session.squeezes, budget=budget, sections=session.sections, kept=kept)
    # A conversation that a server called too long is sent as short as it can be made: the server counts, not we.
    if not session.squeezes and (takes := request_tokens(messages)) > budget:
        return _too_long(session, started, takes, budget)
    tools = _schemas(session.role)
    meter: ContextMeter = measure(messages, window, session.sections, schema_tokens(tools))
    request = ModelRequest(
        model=started.model,
        messages=messages,
        tools=tools,
        run_id=run.run_id,
        role=session.role,
        phase=session.phase_id,
        iteration=session.iteration,
        visit=session.visit,
    )
    noted = {"prompt_tokens": meter.tokens, "budget_tokens": budget, "window_tokens": window}
    return started.model_copy(update=noted), request


async def _room(run: RunContext, role: str, model: str) -> tuple[int, int]:
    """(what a prompt's messages may take, what model and answer may take together), in tokens."""
    # The table of models is read from disk the first time.
    window = await asyncio.to_thread(run.model.window_tokens, model)
    answer = run.config.openai.parameters.max_tokens
    return prompt_budget(window, answer, schema_tokens(_schemas(role))), window


def _too_long(session: Session, started: e.CallStarted, takes: int, budget: int) -> e.CallFailed:
    return e.CallFailed(
        session_id=session.id,
        call_id=started.call_id,
        model=started.model,
        error="PromptTooLong",
        detail=(
            f"What the {session.role} must be told takes {takes:,} tokens, and {started.model} may read {budget:,}: "
            "the rules, the goal, the spec, the plan and your messages are never cut."
        ),
        hint=(
            "Choose a model that reads more, or raise context.max_tokens or context.windows in openai.yaml; "
            "then resume the run."
        ),
    )


@cache
def _schemas(role: str) -> tuple[ToolSchema, ...]:
    agent = agent_for(role)
    return (*(schema(tool) for tool in tools_for(agent.tools).values()), agent.submit_schema())
