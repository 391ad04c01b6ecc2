"""Imported by the server that workers are forked from, and by nobody else: it gets a process group of its own, and so do they.

A Ctrl-C on a terminal, `timeout`, and CI systems signal all of a group. Who leads it ends its workers in order; one that was ended
beside it would be told as a process that died.
"""

import os
from contextlib import suppress

with suppress(PermissionError):  # who leads a session leads a group already
    os.setpgid(0, 0)
