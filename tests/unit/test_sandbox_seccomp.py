"""The seccomp filter lets pass what programs need and nothing of what it names."""

import errno
import struct

import pytest

from sandbox.seccomp.filter import (
    ALLOW,
    ALLOWED_FAMILIES,
    ARCHITECTURES,
    DENIED,
    KILL,
    REFUSE,
    SOCKET,
    SOCKETPAIR,
    UNKNOWN,
    build_filter,
)


def verdict(machine: str, number: int, argument: int = 0, architecture: int | None = None) -> int:
    """Run the filter as the kernel does."""
    program = list(struct.iter_unpack("<HBBI", build_filter(machine)))
    words = {0: number, 4: ARCHITECTURES[machine][0] if architecture is None else architecture, 16: argument}
    at, value = 0, 0
    while True:
        code, when_true, when_false, operand = program[at]
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            value = words[operand]
        else:
            holds = value == operand if code == 0x15 else value >= operand
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
