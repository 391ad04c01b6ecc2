"""What the exit code means; a contract."""

from enum import IntEnum


class ExitCode(IntEnum):
    """As Terraform's, with two from sysexits.h and the shell.

    === ======================================================================
    0   done, or nothing to do
    1   an error: in the manifests, the cloud, or how the command was called
    2   changes are pending: ``plan --detailed-exitcode``, ``drift``
    3   a bug of ours; the log to paste is named on stderr
    75  the lock is held: try again (EX_TEMPFAIL)
    130 interrupted by Ctrl-C (128 + SIGINT)
    143 terminated (128 + SIGTERM)
    === ======================================================================
    """

    OK = 0
    ERROR = 1
    CHANGES = 2
    BUG = 3
    LOCK_HELD = 75
    INTERRUPTED = 130
    TERMINATED = 143
