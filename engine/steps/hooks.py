"""The step that runs a person's own commands before or after a phase."""

import os
from pathlib import Path

from config.settings import Hook
from engine import commands as c
from engine import events as e
from engine.bus import OutputText
from engine.errors import WorkspaceError
from engine.hook_events import HookFinished, HooksPassed, HookStarted
from engine.hooks import HookRun, hook_environment, run_hook
from engine.phase_state import HookTurn
from engine.run_context import RunContext

_AGAIN = (
    "Mend it, then resume: it runs again. `on_failure: ignore` in your settings.yaml lets the run go on without it."
)
_CUT_OFF = (
    "See whether it did its work, then resume: it is not run again. `again: true` in your settings.yaml says that a "
    "hook may run twice."
)


async def run_hooks(run: RunContext, command: c.RunHooks) -> None:
    """Run the hooks of a moment one after the other, from the first that is not done.

    The commands are those of the person's configuration here, whatever the log says: nobody who can write to the
    database can have a command run.
    """
    folder, told = _folder(run), _environment(run, command)
    hooks: tuple[Hook, ...] = getattr(run.config.settings.hooks, command.moment)
    for index in range(_turn(run, command).done, len(hooks)):
        hook = hooks[index]
        if _turn(run, command).begun == index and not hook.again:
            await _cut_off(run, command, index, hook)
            return
        await run.log.append(
            HookStarted(
                phase_id=command.phase_id,
                moment=command.moment,
                number=command.number,
                index=index,
                command=run.redact(hook.command),
            )
        )
        run.notice(f"Hook {command.moment}: {run.redact(hook.command)}")
        done = await run_hook(hook.command, folder, told, hook.timeout_s)
        if not await _ended(run, command, index, hook, done):
            return
        if run.state.paused or run.state.outcome:
            return
    await run.log.append(HooksPassed(phase_id=command.phase_id, moment=command.moment, number=command.number))


def _turn(run: RunContext, command: c.RunHooks) -> HookTurn:
    phase = run.state.phase_by(command.phase_id)
    turn = phase.hooks if phase is not None else None
    if turn is None or (turn.moment, turn.number) != (command.moment, command.number):
        return HookTurn(command.moment, command.number)
    return turn


def _folder(run: RunContext) -> Path:
    folder = Path(run.state.task.workspace if run.state.task else "")
    if not folder.is_dir():
        raise WorkspaceError(f"{folder} is gone", "Hooks run in your folder: bring it back, then resume.")
    return folder


def _environment(run: RunContext, command: c.RunHooks) -> dict[str, str]:
    told = {
        "MIRACLE_HOOK": command.moment,
        "MIRACLE_RUN": run.run_id,
        "MIRACLE_PHASE": command.phase_id,
        "MIRACLE_ITERATION": str(command.number),
        "MIRACLE_OUTCOME": command.outcome,
        "MIRACLE_WORKTREE": str(run.prepared(command.phase_id).worktree),
    }
    return hook_environment(os.environ, run.secrets, told)


async def _ended(run: RunContext, command: c.RunHooks, index: int, hook: Hook, done: HookRun) -> bool:
    """Record how a hook went; whether what follows may begin."""
    output = run.redact(done.output)
    settled = done.end == "ok" or hook.on_failure == "ignore"
    finished = _finished(command, index, run.redact(hook.command), done, output, settled=settled)
    if output:
        run.bus.publish(OutputText(run.run_id, f"{output}\n", command.phase_id))
    if settled:
        await run.log.append(finished)
        return True
    why = {
        "timeout": f"took longer than {hook.timeout_s:g} s and was stopped",
        "not_started": f"could not be started: {output}",
    }.get(done.end, f"failed with exit status {done.exit_code}")
    detail = f"Your hook {command.moment} {why}: {finished.command}"
    await run.log.append(finished, e.RunPaused(reason="hook", detail=detail, hint=_AGAIN))
    return False


async def _cut_off(run: RunContext, command: c.RunHooks, index: int, hook: Hook) -> None:
    """A hook that began and has no end may have done its work: a person says what to do."""
    gone = HookRun("interrupted", None, "", 0.0)
    finished = _finished(command, index, run.redact(hook.command), gone, "", settled=True)
    detail = f"Your hook {command.moment} was cut off when Miracle ended: {finished.command}"
    await run.log.append(finished, e.RunPaused(reason="hook", detail=detail, hint=_CUT_OFF))


def _finished(command: c.RunHooks, index: int, line: str, done: HookRun, output: str, *, settled: bool) -> HookFinished:
    return HookFinished(
        phase_id=command.phase_id,
        moment=command.moment,
        number=command.number,
        index=index,
        command=line,
        end=done.end,
        settled=settled,
        exit_code=done.exit_code,
        output=output,
        duration_s=round(done.duration_s, 3),
    )
