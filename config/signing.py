"""The key that this installation signs receipts with: Ed25519, made on first use, readable by its owner only."""

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.errors import SecretError
from config.paths import Paths

KEY_FILE = "signing.key"
PUBLIC_FILE = "signing.pub"
"""Every public key that this installation signed with, the newest last: what is left to know a lost key by."""
TRUSTED_FILE = "trusted_keys"
SEED_BYTES = 32


@dataclass(frozen=True)
class SigningKey:
    """A private key; `public` is what it is known by: 64 hexadecimal digits."""

    seed: bytes
    public: str

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"

    def sign(self, payload: bytes) -> str:
        """The signature, as 128 hexadecimal digits."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(payload).hex()


def signing_key(paths: Paths) -> SigningKey:
    """This installation's key; made when there is none yet. Blocks on the disk.

    Raises:
        SecretError: the key's file is damaged, or others can read it.
    """
    path = paths.data / KEY_FILE
    seed = _read(path)
    if seed is None:
        _make(path)
        seed = _read(path)
    if seed is None:
        raise SecretError(f"The signing key {path} cannot be kept", "Make room on the disk, then resume the run.")
    key = SigningKey(seed, _public_of(seed))
    _note(paths, key.public)
    return key


def own_keys(paths: Paths) -> tuple[str, ...]:
    """The public keys that this installation signed with, the newest last; nothing is made. Blocks on the disk.

    Only the one that `trusted_keys` names counts: an earlier one was lost, or taken away because others had read it.
    """
    try:
        lines = (paths.data / PUBLIC_FILE).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(dict.fromkeys(lines))


def kept_seed(paths: Paths) -> tuple[str, ...]:
    """The private key as it is written down, for those who keep it out of logs; nothing where there is none."""
    try:
        seed = _read(paths.data / KEY_FILE)
    except SecretError:
        return ()
    return (seed.hex(),) if seed is not None else ()


def _note(paths: Paths, public: str) -> None:
    if own_keys(paths)[-1:] != (public,):
        # A receipt does not fail for want of a note about it.
        with suppress(OSError), (paths.data / PUBLIC_FILE).open("a", encoding="ascii") as file:
            file.write(f"{public}\n")


def holds(public: str, signature: str, payload: bytes) -> bool:
    """Whether the signature over the payload was made with the private half of the key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), payload)
    except (InvalidSignature, ValueError):
        return False
    return True


def trusted_keys(paths: Paths) -> dict[str, str]:
    """Public keys whose receipts count, to whose they are: this installation's and those of `trusted_keys`.

    That file lies in the person's configuration folder: a key a line, then a name; `#` begins a comment. A key that is
    not there is not made.

    Raises:
        SecretError: the own key is damaged, or others can read it.
    """
    found = {}
    try:
        lines = (paths.config / TRUSTED_FILE).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        lines = []
    except (OSError, UnicodeDecodeError) as exc:
        raise SecretError(f"{paths.config / TRUSTED_FILE} cannot be read", "It holds a public key a line.") from exc
    for line in lines:
        key, _, name = line.partition("#")[0].strip().partition(" ")
        if key:
            found[key.lower()] = name.strip() or "trusted"
    seed = _read(paths.data / KEY_FILE)
    return {**found, _public_of(seed): "this installation"} if seed is not None else found


def short(public: str) -> str:
    """A key as a person reads it: its first 16 digits."""
    return public[:16]


def _read(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise SecretError(f"The signing key {path} cannot be read", f"{exc.strerror}.") from exc
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        text = file.read(200)
    if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
        raise SecretError(
            f"Others can read the signing key {path}",
            "If nobody did, close it with chmod 600; else remove it, and a new one is made.",
        )
    try:
        seed = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES:
        raise SecretError(
            f"The signing key {path} is damaged",
            "Put it back from a backup; or remove it: a new one is made, and trusts no older receipt.",
        )
    return seed


def _make(path: Path) -> None:
    """Write a new key beside its place and link it there: of several processes the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{KEY_FILE}-{secrets.token_hex(4)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_bytes(SEED_BYTES).hex() + "\n")
            file.flush()
            os.fsync(descriptor)
        os.link(beside, path)
    except FileExistsError:
        return
    except OSError as exc:
        raise SecretError(
            f"The signing key {path} cannot be written: {exc.strerror}", "Make room on the disk, then resume the run."
        ) from exc
    finally:
        beside.unlink(missing_ok=True)


def _public_of(seed: bytes) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex()
