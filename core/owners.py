"""Names a process that holds something (a delivery, a lease, a job), so that another can tell if it is dead.

Used by the embedded queue and the SQL leases: what a killed process held is free at once on the same host,
instead of when its lease runs out. Where nothing certain can be said, a process counts as alive.
"""

import functools
import hashlib
import os
import socket
from pathlib import Path


def this_process(part: str = "") -> str:
    """``host:pid:start``, at most 80 characters; ``part`` (up to 12 characters) tells holders in it apart."""
    name = f"{_host()}:{os.getpid()}:{_start(os.getpid())}"
    return f"{name}:{part[:12]}" if part else name


def is_dead(owner: str) -> bool:
    """True only if ``owner`` ran on this host and surely does no more. Any other text is alive."""
    host, _, rest = owner.partition(":")
    pid, _, rest = rest.partition(":")
    start = rest.partition(":")[0]
    if host != _host() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    # The number is in use: by the same process, or by a later one that got it again. A zombie is dead too.
    return _start(int(pid)) not in (start, "")


@functools.cache
def _host() -> str:
    # A process id means something within one boot and one pid namespace only: two containers may share a
    # host's name and both have a process 17.
    boot, namespace = "", ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        pass
    name = socket.gethostname()
    mark = hashlib.sha256(f"{name}\0{boot}\0{namespace}".encode()).hexdigest()[:8]
    return f"{name.replace(':', '-')[:24]}-{mark}"


def _start(pid: int) -> str:
    """When the process began, in ticks since the boot; ``zombie`` if it has ended; empty if it can't be seen.

    Source: proc(5), /proc/pid/stat, fields 3 (state) and 22 (starttime); read 2026-11-23.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "zombie" if fields[0] in ("Z", "X") else fields[19]
