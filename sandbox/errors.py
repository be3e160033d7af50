"""What can go wrong around a sandbox.

SandboxError
+-- NoBackend            no isolation backend works here
+-- BackendLost          the backend died under an execution
+-- EnvironmentFailed    a tool environment could not be made
+-- ApprovalNeeded       an install was asked for without a person's approval
+-- ImageFailed          the sandbox's image could not be built
+-- UnsafeArchive        what an engine sent back cannot be taken
|   +-- TooMuch          a workspace is too big to be copied
+-- UnsafePath           a path that may not be read or written from the host
    +-- MissingFile      nothing is there
    +-- UnreadableFile   it is there, but too big or not text
"""


class SandboxError(Exception):
    """The base: a title, and a hint that says what to do next."""

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


class NoBackend(SandboxError):
    """Neither Docker nor bubblewrap can isolate code on this machine."""


class BackendLost(SandboxError):
    """The backend went away; nothing is known of what it ran."""


class EnvironmentFailed(SandboxError):
    """A tool environment could not be prepared."""


class ImageFailed(SandboxError):
    """The sandbox's Docker image could not be built."""


class UnsafeArchive(SandboxError):
    """An engine on another machine sent back what no sandboxed code can make, or only a part."""


class TooMuch(UnsafeArchive):
    """More bytes or files than may be copied between this machine and an engine's."""


class UnsafePath(SandboxError):
    """A path that leads out of the workspace, through a link, or to something that is no regular file."""


class MissingFile(UnsafePath):
    """Nothing is at that path."""


class UnreadableFile(UnsafePath):
    """The file is too big, or it is not text."""
