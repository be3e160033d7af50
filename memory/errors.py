"""What can go wrong with the store.

MemoryStoreError
+-- DatabaseUnavailable   no connection can be had
+-- DatabaseUnsuitable    it answers, but lacks pgvector or is too old or too new
+-- DiskFull              the server cannot write
+-- DatabaseNotEmpty      a restore would mix with what is there
+-- BackupUnusable        the file is no backup, is damaged, or cannot be written
+-- LeaseLost             another executor holds the run
+-- RunUnknown            no such run
+-- EmbeddingFailed       no vectors can be had from the embeddings endpoint
"""


class MemoryStoreError(Exception):
    """The base: a title, and a hint that says what to do next."""

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


class DatabaseUnavailable(MemoryStoreError):
    """The database does not answer."""


class DatabaseUnsuitable(MemoryStoreError):
    """The database answers but cannot be used."""


class DiskFull(MemoryStoreError):
    """There is no room to write."""


class DatabaseNotEmpty(MemoryStoreError):
    """A restore would mix with what is there."""


class BackupUnusable(MemoryStoreError):
    """The file is no backup, is damaged or of a newer Miracle, or cannot be written."""


class LeaseLost(MemoryStoreError):
    """This executor may no longer write to the run."""


class RunUnknown(MemoryStoreError):
    """No run has this id."""


class EmbeddingFailed(MemoryStoreError):
    """No vectors can be had from the embeddings endpoint."""

    of_request = False
    """Whether the endpoint refuses just this request, while it may take others."""
