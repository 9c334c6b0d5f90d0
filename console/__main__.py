"""The entry point of ``crosswalk``: what has to stand before the imports, which take up to half a second.

SIGTERM to a process that only starts is a good ending: it has nothing in hand yet (contract §1: exit 0). The
commands that run until they are stopped take the signal over when they begin; for all others its default
stays, because a command that was cut short is not done.
"""

import os
import signal
import sys

_UNTIL_STOPPED = ("consume", "schedule", "serve", "demo")


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] and sys.argv[1] in _UNTIL_STOPPED:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from console.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
