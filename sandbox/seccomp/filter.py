"""The seccomp filter of the bubblewrap backend, as a classic BPF program made without a compiler."""

import errno
import platform
import struct

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Machine to audit architecture and column of `DENIED`."""
X32_BIT = 0x40000000
ALLOWED_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: no AF_VSOCK, AF_ALG, AF_PACKET or anything newer."""
SOCKET = (41, 198)
SOCKETPAIR = (53, 199)
DENIED: dict[str, tuple[int | None, int | None]] = {
    "_sysctl": (156, None),
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_settime": (227, 112),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "sched_setaffinity": (203, 122),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
"""System calls that end with EPERM, by their numbers on x86_64 and aarch64."""
UNKNOWN: dict[str, tuple[int, int]] = {
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "openat2": (437, 437),
}
"""System calls that end with ENOSYS: programs ask for them and fall back."""
NEWEST = 462
"""The last number that was judged; what a newer kernel adds ends with ENOSYS."""
SET_USER_ID = 0o4000
CREATING = 0o100 | 0o20000000
"""O_CREAT and O_TMPFILE: without them the mode of `open` means nothing."""
MODES: dict[str, tuple[int | None, int | None, int, int | None]] = {
    "chmod": (90, None, 1, None),
    "creat": (85, None, 1, None),
    "fchmod": (91, 52, 1, None),
    "fchmodat": (268, 53, 2, None),
    "fchmodat2": (452, 452, 2, None),
    "mknod": (133, None, 1, None),
    "mknodat": (259, 33, 2, None),
    "open": (2, None, 2, 1),
    "openat": (257, 56, 3, 2),
}
"""System calls that give a file its mode, by their numbers, the mode's argument, and the argument of the flags that
have to say that one is made. A program of the sandbox that runs as its maker for whoever starts it on the host is
refused with EPERM."""

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER_OFFSET, ARCHITECTURE_OFFSET, ARGUMENT_OFFSET, ARGUMENT_SIZE = 0, 4, 16, 8


def build_filter(machine: str | None = None) -> bytes:
    """The filter program, as bubblewrap's `--seccomp` reads it.

    Args:
        machine: `x86_64` or `aarch64`; this machine by default.

    Raises:
        KeyError: there is no table of system calls for the machine.
    """
    architecture, column = ARCHITECTURES[machine or platform.machine()]
    program = [
        _load(ARCHITECTURE_OFFSET),
        _instruction(JUMP_EQUAL, architecture, 1, 0),
        _return(KILL),
        _load(NUMBER_OFFSET),
    ]
    if column == 0:
        # The x32 numbers would pass every comparison below.
        program += [_instruction(JUMP_AT_LEAST, X32_BIT, 0, 1), _return(REFUSE | errno.ENOSYS)]
    program += [_instruction(JUMP_AT_LEAST, NEWEST + 1, 0, 1), _return(REFUSE | errno.ENOSYS)]
    for code, calls in ((errno.EPERM, DENIED), (errno.ENOSYS, UNKNOWN)):
        for number in (numbers[column] for numbers in calls.values()):
            if number is not None:
                program += [_instruction(JUMP_EQUAL, number, 0, 1), _return(REFUSE | code)]
    for rule in MODES.values():
        program += _no_set_user_id(rule[column], mode=rule[2], flags=rule[3])
    families = len(ALLOWED_FAMILIES)
    program += [
        _instruction(JUMP_EQUAL, SOCKET[column], 1, 0),
        _instruction(JUMP_EQUAL, SOCKETPAIR[column], 0, families + 2),
    ]
    program.append(_load(ARGUMENT_OFFSET))
    program += [_instruction(JUMP_EQUAL, family, families - index, 0) for index, family in enumerate(ALLOWED_FAMILIES)]
    program += [_return(REFUSE | errno.EPERM), _return(ALLOW)]
    return b"".join(program)


def _no_set_user_id(number: int | None, *, mode: int, flags: int | None) -> list[bytes]:
    """Refuse a call that makes a program run as its owner; the call's number is loaded again for what follows."""
    if number is None:
        return []
    made: list[bytes] = []
    if flags is not None:
        made = [_argument(flags), _instruction(JUMP_ANY_BIT, CREATING, 0, 3)]
    asked = [*made, _argument(mode), _instruction(JUMP_ANY_BIT, SET_USER_ID, 0, 1), _return(REFUSE | errno.EPERM)]
    return [_instruction(JUMP_EQUAL, number, 0, len(asked) + 1), *asked, _load(NUMBER_OFFSET)]


def _argument(index: int) -> bytes:
    """Load the lower half of an argument."""
    return _load(ARGUMENT_OFFSET + ARGUMENT_SIZE * index)


def _instruction(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    """One `struct sock_filter`; the jumps count the instructions that are passed over."""
    return struct.pack("<HBBI", code, when_true, when_false, value)


def _load(offset: int) -> bytes:
    return _instruction(LOAD, offset)


def _return(value: int) -> bytes:
    return _instruction(RETURN, value)
