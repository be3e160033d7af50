"""What a call is about to make of a file, noted before it does: a call that is made again after a kill is seen as done.

The log learns of a tool's effect only after it; without the note, an edit whose new text contains its old text would be
made twice when the process is killed in between.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Intent:
    """The note of one call.

    Attributes:
        file: where it is kept, out of the sandbox's reach; each call writes over the one before.
        call: names the call in its run.
    """

    file: Path
    call: str

    def note(self, path: str, content: str) -> None:
        """Keep what the file is about to hold."""
        beside = self.file.with_suffix(".part")
        beside.write_text(json.dumps(self._kept(path, content)), encoding="utf-8")
        beside.replace(self.file)

    def fulfilled(self, path: str, content: str) -> bool:
        """Whether this call was made before, and the file holds what it was to hold."""
        try:
            noted = json.loads(self.file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return False
        return bool(noted == self._kept(path, content))

    def _kept(self, path: str, content: str) -> list[str]:
        return [self.call, path, hashlib.sha256(content.encode()).hexdigest()]
