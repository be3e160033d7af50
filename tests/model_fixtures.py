"""A small script, quick settings and a request, for the tests of the model client."""

from config.openai import Api, OpenAI, Parameters, Retry
from engine.llm.protocol import Message, ModelRequest, ToolSchema
from engine.scripted.script import Place, Script, ScriptedCall, Session, Turn

WORDS = "Let me write the module first, then submit it."
CALL = ScriptedCall(name="create_file", arguments={"path": "app.py", "content": "print('Grüße, 世界')\n" * 5})
SCRIPT = Script(
    name="small",
    title="Small",
    goal="Say something",
    description="One coder session.",
    language="python",
    project_type="script",
    sessions=(
        Session(
            role="coder",
            turns=(
                Turn(text=WORDS, calls=(CALL, ScriptedCall(name="list_files", arguments={}))),
                Turn(calls=(ScriptedCall(name="submit_work", arguments={"summary": "done"}),)),
            ),
        ),
    ),
)
TOOL = ToolSchema("create_file", "Creates a file.", {"type": "object", "properties": {"path": {"type": "string"}}})


def settings(base_url: str, *, key: str | None = "sk-test-0123456789abcdef", **changes: object) -> OpenAI:
    """Settings with retries that wait next to nothing."""
    values: dict[str, object] = {
        "api": Api.model_validate({"base_url": base_url, "key": key, "timeout_seconds": 0.5}),
        "parameters": Parameters(temperature=0.2, max_tokens=4096),
        "retry": Retry(min_wait_seconds=0.01, max_wait_seconds=0.02, max_server_wait_seconds=2),
    }
    return OpenAI.model_validate(values | changes)


def request(role: str = "coder", *, answered: int = 0, model: str = "gpt-5.1") -> ModelRequest:
    """A coder's request whose conversation already has some answers."""
    talk = [Message(role="system", content="You write code."), Message(role="user", content="Go.")]
    for _ in range(answered):
        talk += [Message(role="assistant", content="Working."), Message(role="user", content="Go on.")]
    return ModelRequest(
        model=model,
        messages=tuple(talk),
        tools=(TOOL,),
        run_id="r1",
        role=role,
        phase="p1",
        iteration=3,
        visit=2,
    )


def place(**values: object) -> Place:
    """A place of a run with some parts set."""
    return Place.model_validate({"role": "coder", **values})
