"""The step that carries a tool call out."""

import time
from dataclasses import replace

from engine import commands as c
from engine import events as e
from engine.agents.registry import agent_for
from engine.bus import OutputText
from engine.run_context import RunContext
from engine.state import Session
from engine.steps.session import questions_of
from engine.task import BlastRadius
from engine.tools.registry import call_tool, tools_for
from engine.tools.tool import NeedsApproval, ToolContext, ToolResult
from sandbox.identity import sandbox_identity
from sandbox.protocol import EnvSpec
from sandbox.testing import CommandOutcome, run_command


async def run_tool(run: RunContext, command: c.RunTool) -> None:
    """Run the call and append its result, or the question that it depends on."""
    session = run.state.session
    if session is None:
        return
    if command.call.name == "ask_person" and "ask_person" in agent_for(session.role).tools:
        await _ask_person(run, session, command)
        return
    began = time.monotonic()
    tools = tools_for(agent_for(session.role).tools)
    try:
        result = await call_tool(_context(run, session, command), command.call.name, command.call.arguments, tools)
    except NeedsApproval as need:
        if not run.state.allows(need.topic, need.subject):
            await run.log.append(_question(run, session, command, need))
            return
        context = replace(_context(run, session, command), approved=True)
        result = await call_tool(context, command.call.name, command.call.arguments, tools)
    await run.log.append(_finished(run, session, command, result, time.monotonic() - began))


def _finished(run: RunContext, session: Session, command: c.RunTool, result: ToolResult, took_s: float) -> e.ToolFinished:
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
    asked = state.answer_to("command", tool_call_id=command.call.id)
    approved = asked is not None and asked.answer is not None and asked.answer.decision != "deny"
    existing = frozenset(state.workspace.facts.test_files) if state.workspace else frozenset()
    written = frozenset(state.protected_tests)

    async def execute(line: str) -> CommandOutcome:
        backend = await run.backend()
        env = await backend.prepare(EnvSpec(language=state.spec.language if state.spec else "python"))
        return await run_command(
            backend,
            ("/bin/sh", "-c", line),
            run_id=f"{run.run_id}-tool",
            workspace=run.prepared().worktree,
            env=env,
            limits=run.limits(),
            on_output=lambda text: run.bus.publish(OutputText(run.run_id, text)),
        )

    return ToolContext(
        worktree=run.prepared().worktree,
        role=session.role,
        read_only=written if session.role == "coder" else frozenset(),
        write_only_tests=session.role == "tester",
        existing_tests=existing - written,
        identity=sandbox_identity(),
        rules=run.config.rules.commands,
        run=execute,
        approved=approved,
    )


def _question(run: RunContext, session: Session, command: c.RunTool, need: NeedsApproval) -> e.ApprovalRequested:
    return e.ApprovalRequested(
        approval_id=f"{run.run_id}.{len(run.state.approvals) + 1}",
        topic="command",
        subject=need.subject,
        title=need.title,
        detail=need.detail,
        phase_id=session.phase_id,
        blast_radius=need.blast_radius,
        session_id=session.id,
        tool_call_id=command.call.id,
    )


async def _ask_person(run: RunContext, session: Session, command: c.RunTool) -> None:
    questions = questions_of(command.call.arguments)
    task = run.state.task
    if questions is None:
        told = 'ask_person takes {"questions": ["..."]} with one to eight questions.'
        result = ToolResult(ok=False, output=told, strike=True)
        await run.log.append(_finished(run, session, command, result, 0.0))
        return
    if task is None or not task.questions:
        told = "Questions are turned off. Choose sensible defaults and name them in the spec."
        await run.log.append(_finished(run, session, command, ToolResult(ok=True, output=told), 0.0))
        return
    await run.log.append(
        e.ApprovalRequested(
            approval_id=f"{run.run_id}.{len(run.state.approvals) + 1}",
            topic="questions",
            subject=command.call.id,
            title="The goal leaves something open",
            questions=questions,
            blast_radius=BlastRadius(),
            session_id=session.id,
            tool_call_id=command.call.id,
        )
    )
