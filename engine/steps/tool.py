"""The step that carries a tool call out."""

import time
from dataclasses import replace
from functools import partial

from engine import commands as c
from engine import events as e
from engine.agents.registry import agent_for
from engine.run_context import RunContext
from engine.standing_rules import with_answers
from engine.state import Session
from engine.steps.check import environment, language_of, publish_output
from engine.tools.intent import Intent
from engine.tools.registry import call_tool, tools_for
from engine.tools.tool import CommandRun, NeedsApproval, ToolContext, ToolResult
from sandbox.identity import sandbox_identity
from sandbox.testing import run_command


async def run_tool(run: RunContext, command: c.RunTool) -> None:
    """Run the call and append its result, or the question that it depends on."""
    session = run.state.session_by(command.session_id)
    if session is None:
        return
    began = time.monotonic()
    tools = tools_for(agent_for(session.role).tools)
    try:
        result = await call_tool(_context(run, session, command), command.call.name, command.call.arguments, tools)
    except NeedsApproval as need:
        if need.topic == "questions" or not run.state.allows(need.topic, need.subject):
            while not await _ask(run, session, command, need):
                pass
            return
        context = replace(_context(run, session, command), approved=True)
        result = await call_tool(context, command.call.name, command.call.arguments, tools)
    await run.log.append(_finished(run, session, command, result, time.monotonic() - began))


def _finished(
    run: RunContext, session: Session, command: c.RunTool, result: ToolResult, took_s: float
) -> e.ToolFinished:
    return e.ToolFinished(
        session_id=session.id,
        tool_call_id=command.call.id,
        name=command.call.name[:100],
        target=result.target[:500],
        ok=result.ok,
        output=run.redact(result.output),
        strike=result.strike,
        duration_s=round(took_s, 3),
    )


def _context(run: RunContext, session: Session, command: c.RunTool) -> ToolContext:
    state = run.state
    asked = state.answer_to("command", session_id=session.id, tool_call_id=command.call.id)
    approved = asked is not None and asked.answer is not None and asked.answer.decision != "deny"
    existing = frozenset(state.workspace.facts.test_files) if state.workspace else frozenset()
    written = frozenset(state.focused(session.phase_id).protected_tests)
    prepared = run.prepared(session.phase_id)
    worktree = prepared.worktree

    async def execute(line: str) -> CommandRun:
        outcome = await run_command(
            await run.backend(),
            line,
            run_id=run.sandbox_name(session.phase_id, "tool"),
            workspace=worktree,
            language=language_of(run),
            limits=run.limits(),
            env=await environment(run),
            on_event=partial(publish_output, run, session.phase_id),
        )
        return CommandRun(outcome.exit_code, outcome.output, outcome.reason, outcome.duration_s)

    return ToolContext(
        worktree=worktree,
        role=session.role,
        read_only=written if session.role == "coder" else frozenset(),
        write_only_tests=session.role == "tester",
        existing_tests=existing - written,
        identity=sandbox_identity(),
        rules=run.config.rules.commands,
        run=execute,
        approved=approved,
        questions=state.task is not None and state.task.questions,
        intent=Intent(prepared.git_dir / "intent.json", f"{session.id}/{command.call.id}"),
    )


async def _ask(run: RunContext, session: Session, command: c.RunTool, need: NeedsApproval) -> bool:
    """Append the question, and the answer where a standing rule gives one; False when its number is taken meanwhile."""
    before = run.state
    question = _question(run, session, command, need)
    return await run.log.append_at(before.seq, *await with_answers(run, before, question))


def _question(run: RunContext, session: Session, command: c.RunTool, need: NeedsApproval) -> e.ApprovalRequested:
    return e.ApprovalRequested(
        approval_id=run.state.next_approval_id,
        topic=need.topic,
        subject=need.subject,
        title=need.title,
        detail=need.detail,
        questions=need.questions,
        phase_id=session.phase_id,
        blast_radius=need.blast_radius,
        session_id=session.id,
        tool_call_id=command.call.id,
    )
