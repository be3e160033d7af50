"""The seccomp filter lets pass what programs need and nothing of what it names."""

import errno
import json
import struct

import pytest

from sandbox.docker_options import seccomp_profile
from sandbox.seccomp.filter import (
    ALLOW,
    ALLOWED_FAMILIES,
    ARCHITECTURES,
    DENIED,
    KILL,
    MODES,
    NEWEST,
    REFUSE,
    SOCKET,
    SOCKETPAIR,
    UNKNOWN,
    build_filter,
)


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """Run the filter as the kernel does."""
    program = list(struct.iter_unpack("<HBBI", build_filter(machine)))
    words = {0: number, 4: ARCHITECTURES[machine][0] if architecture is None else architecture}
    words |= {16 + 8 * index: (*arguments, 0, 0, 0, 0, 0, 0)[index] for index in range(6)}
    at, value = 0, 0
    while True:
        code, when_true, when_false, operand = program[at]
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            value = words[operand]
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += when_true if holds else when_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_named_call_is_refused(machine: str) -> None:
    column = ARCHITECTURES[machine][1]
    for calls, code in ((DENIED, errno.EPERM), (UNKNOWN, errno.ENOSYS)):
        for name, numbers in calls.items():
            number = numbers[column]
            assert number is None or verdict(machine, number) == REFUSE | code, name


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_sockets_of_few_families_only(machine: str) -> None:
    column = ARCHITECTURES[machine][1]
    for call in (SOCKET[column], SOCKETPAIR[column]):
        for family in range(46):
            assert verdict(machine, call, family) == (ALLOW if family in ALLOWED_FAMILIES else REFUSE | errno.EPERM)


def test_other_architectures_are_killed_and_x32_refused() -> None:
    assert verdict("x86_64", 0, architecture=0x40000003) == KILL
    assert verdict("x86_64", 0x40000000 + 1) == REFUSE | errno.ENOSYS
    assert verdict("x86_64", 0) == verdict("x86_64", 56) == ALLOW


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_no_call_makes_a_program_run_as_its_owner(machine: str) -> None:
    column = ARCHITECTURES[machine][1]
    for name, rule in MODES.items():
        number, mode, flags = rule[column], rule[2], rule[3]
        if number is None:
            continue
        for wanted, creating, expected in (
            (0o755, 0o101, ALLOW),
            (0o2755, 0o101, ALLOW),
            (0o4755, 0o101, REFUSE | errno.EPERM),
            (0o104711, 0o20200002, REFUSE | errno.EPERM),
            (0o4755, 0, ALLOW if flags is not None else REFUSE | errno.EPERM),
        ):
            arguments = [0] * 6
            arguments[mode] = wanted
            if flags is not None:
                arguments[flags] = creating
            assert verdict(machine, number, *arguments) == expected, (name, oct(wanted), oct(creating))


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_calls_that_nobody_judged_are_unknown(machine: str) -> None:
    assert verdict(machine, NEWEST) == ALLOW
    assert all(verdict(machine, NEWEST + more) == REFUSE | errno.ENOSYS for more in (1, 5, 200))


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_program_is_what_the_kernel_takes(machine: str) -> None:
    """Whole instructions, fewer than the kernel's limit, no jump beyond the end, and an answer on every way."""
    raw = build_filter(machine)
    program = list(struct.iter_unpack("<HBBI", raw))
    assert len(raw) % 8 == 0
    assert len(program) < 4096
    for at, (code, when_true, when_false, _) in enumerate(program):
        if code & 0x07 == 0x05:
            assert max(at + 1 + when_true, at + 1 + when_false) < len(program)
    assert program[-1][0] == 0x06
    for number in range(600):
        verdict(machine, number, 0, 0, 0, 0)


def test_dockers_profile_refuses_the_same() -> None:
    entries = json.loads(seccomp_profile())["syscalls"]
    free = {
        name
        for entry in entries
        if entry["action"] == "SCMP_ACT_ALLOW" and not entry.get("args")
        for name in entry["names"]
    }
    # Memory that these hold is counted by a container's own limit, and its kernel objects end with it.
    counted = {"memfd_create", "shmget", "memfd_secret", "process_madvise", "name_to_handle_at", "clone"}
    assert not free & (set(DENIED) | set(UNKNOWN) | set(MODES)) - counted - {"modify_ldt"}
    conditional = {name for entry in entries if entry.get("args") for name in entry["names"]}
    assert set(MODES) <= conditional
    assert json.loads(seccomp_profile())["defaultAction"] == "SCMP_ACT_ERRNO"
