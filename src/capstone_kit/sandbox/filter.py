"""A filter of system calls: those that hold memory which no process is seen to hold, and doors into the kernel.

What is filtered does not exist for the program (ENOSYS), which then does without. Shared memory of POSIX, which lies in
/dev/shm and is bounded, stays.
"""

import platform
import struct

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # instructions of the Berkeley packet filter
ALLOWED, MISSING = 0x7FFF0000, 0x00050000 | 38
NUMBERS = {  # of memfd_create, memfd_secret, shmget, msgget, semget;
    # add_key, request_key, keyctl, io_uring_setup, userfaultfd, bpf, perf_event_open
    "x86_64": (0xC000003E, (319, 447, 29, 68, 64, 248, 249, 250, 425, 323, 321, 298)),
    "aarch64": (0xC00000B7, (279, 447, 194, 186, 190, 217, 218, 219, 425, 282, 280, 241)),
}
OTHER_ABI = 0x40000000  # the bit of x32's numbers


def program(machine: str = platform.machine()) -> bytes:
    """Give the filter for this kind of processor; b"" where its numbers are not known."""
    if machine not in NUMBERS:
        return b""
    kind, numbers = NUMBERS[machine]
    lines = [(LOAD, 0, 0, 4), (EQUAL, 0, len(numbers) + 3, kind), (LOAD, 0, 0, 0)]
    lines.append((AT_LEAST, len(numbers) + 1, 0, OTHER_ABI))
    lines += [(EQUAL, len(numbers) - n, 0, number) for n, number in enumerate(numbers)]
    lines += [(RETURN, 0, 0, ALLOWED), (RETURN, 0, 0, MISSING)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
