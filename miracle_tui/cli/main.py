"""The command line: one lazy group; a command is imported only when it is used."""

import click

from miracle_tui.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Give a goal and let Miracle work until its tests prove it done."),
    "demo": ("demo", "See the loop at work with a scripted model; needs no key."),
    "history": ("history", "List runs, or search runs, failures and patterns."),
    "metrics": ("metrics", "Count what runs came to: success, cost, errors, what memory was worth."),
    "memory": ("memory", "List what was learnt; show, pin or forget one of it."),
    "show": ("show", "Show one run, as it is or as it was: plan, iterations, tests, diff, prompts."),
    "pause": ("pause", "Stop a run before its next step."),
    "resume": ("resume", "Go on with a run that was paused or interrupted."),
    "cancel": ("cancel", "End a run for good."),
    "steer": ("steer", "Send a message to the running agent."),
    "fork": ("fork", "Begin a new run as another one was at some moment."),
    "compare": ("compare", "Put two runs side by side: code, tests, cost."),
    "approvals": ("approvals", "List the questions that wait for an answer."),
    "approve": ("approve", "Answer a question: allow, deny, or reply."),
    "rules": ("rules", "List what was allowed for good, and take it back."),
    "promote": ("promote", "Take the result of a green run."),
    "verify": ("verify", "Check the receipt of a green run: signature, log, commit and tree."),
    "undo": ("undo", "Put your files back as they were before a promotion."),
    "worktrees": ("worktrees", "List the worktrees of runs, and remove those that are done."),
    "sandbox": ("sandbox", "Build the sandbox's image, see what it takes, clean up."),
    "worker": ("worker", "Work on the runs of a shared queue, until it is stopped."),
    "doctor": ("doctor", "Find what is missing on this machine, and fix it."),
    "config": ("config", "Show and check the configuration."),
    "db": ("db", "Look at the database, back it up, restore it, make room in it."),
    "completion": ("completion", "Print the completion script of your shell."),
}
"""Command to the module that holds it and its one line of help."""

EPILOG = """\b
Examples:
  miracle                                     open the app in this folder
  miracle demo                                see it work, without a key
  miracle run -t "Add a --json option to the report command"
  miracle history                             what ran here before
  miracle doctor                              what is missing on this machine

Every command explains itself: miracle COMMAND --help. Without a command, the app opens.
"""


@click.group(
    "miracle",
    cls=LazyGroup,
    lazy=COMMANDS,
    epilog=EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="miracle-agent", prog_name="miracle", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> int:
    """Miracle: an autonomous coding agent in the terminal.

    Give it a goal. It plans, writes code in a git worktree of its own, runs the tests in a sandbox, reflects on what
    failed, and goes round until the tests prove the goal done. Your own files stay as they are until you take it.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from miracle_tui.app import run_app

    return run_app()
