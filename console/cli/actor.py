"""Who works on the command line, for the audit log."""

import os
import pwd


def actor() -> str:
    """The system user that this process runs as; the environment's USER is whatever one sets it to."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user without an entry
        name = f"user {uid}"
    return f"{name}, from the command line"
