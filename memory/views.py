"""How memory looks at a failure: the texts it is embedded as and the key it is found by at once."""

from dataclasses import dataclass

from memory.embedders import shorten
from memory.normalise import error_of, fingerprint, frames_of, mask, signature

REPORT_CHARACTERS = 50_000
"""Characters of a report that are read and kept; a longer one loses its middle."""


@dataclass(frozen=True)
class FailureQuery:
    """A failure to compare with what is stored; type, message and frames are read from the report where empty."""

    project: str
    language: str = ""
    error_type: str = ""
    message: str = ""
    report: str = ""
    frames: tuple[str, ...] = ()
    """The project's own frames as `file:function`."""
    exclude: tuple[str, ...] = ()
    """Ids that must not be recalled: the failure itself."""


@dataclass(frozen=True)
class FailureViews:
    """The views of a failure."""

    error_type: str
    message: str
    signature: str
    """Type and first line of the message: finds the same kind of bug anywhere."""
    fingerprint: bytes
    context: str
    """The whole masked report: finds the same place."""

    def columns(self) -> dict[str, object]:
        """What of a failure's row follows from its report."""
        return {
            "error_type": self.error_type,
            "error_signature": self.signature,
            "fingerprint": self.fingerprint,
            "message": self.message,
            "ctx_text": self.context,
            "sig_text": self.signature,
        }


def views_of(failure: FailureQuery) -> FailureViews:
    """The views of a failure; the same for the same report, in every process."""
    report = shorten(failure.report, REPORT_CHARACTERS)
    read_type, read_message = error_of(report)
    error_type = failure.error_type or read_type
    message = shorten(failure.message or read_message, REPORT_CHARACTERS)
    frames = frames_of(report) or failure.frames
    masked = mask(report)
    if not (error_type or message):
        # No error that is known: the text is all there is, and two texts are not the same failure.
        message = next((line.strip() for line in masked.split("\n") if line.strip()), "")
        frames = frames or (masked,)
    line = signature(error_type, message)
    return FailureViews(error_type, message, line, fingerprint(error_type, message, frames), masked or line)
