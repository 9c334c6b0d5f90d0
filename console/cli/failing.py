"""How a command ends badly: a sentence on stderr and an exit status, never a traceback.

0 done, 1 failed, 2 wrong use (settings included).
"""

import traceback
from pathlib import Path

from console.cli.output import say
from console.configuration.problems import Refused
from console.contact_argument import NotTied
from console.job_control import CannotSwitch, NoSuchJob
from console.starting import CannotStart
from core.coordination.port import CoordinationUnavailable
from core.platforms.errors import AuthenticationFailed, PlatformError
from core.queue.port import QueueUnavailable
from core.settings import SettingsError
from core.store.database import CannotStore, DatabaseUnavailable
from core.store.sealing import CannotOpen


class Failed(Exception):
    """The command can't do it. The text says what, where, and what next."""


def told(error: Exception) -> int:
    """Say what went wrong on stderr; the exit status."""
    match error:
        case SettingsError():
            say("Crosswalk can't start with these settings:")
            for problem in error.problems:
                say(f"  {problem}")
            return 2
        case Refused():
            say("Nothing was changed:")
            for problem in error.problems:
                say(f"  {problem}")
        case (
            Failed()
            | NotTied()
            | CannotStart()
            | CannotSwitch()
            | NoSuchJob()
            | CannotOpen()
            | CannotStore()
            | DatabaseUnavailable()
        ):
            say(_sentence(str(error)))
        case QueueUnavailable():
            say(f"The queue does not answer: {error}. Check CROSSWALK_BROKER_URL, then try again.")
        case CoordinationUnavailable():
            say(f"Redis does not answer: {error}. Check CROSSWALK_REDIS_URL, then try again.")
        case AuthenticationFailed():
            say(f"{error}. Give the account a new token: `crosswalk instances apply`.")
        case PlatformError():
            say(f"{error}. Try again when it answers; `crosswalk accounts test` tells.")
        case _:
            say(f"This is a fault in Crosswalk: {type(error).__name__} at {_where(error)}.")
    return 1


def _sentence(text: str) -> str:
    name = any(sign in text.partition(" ")[0] for sign in "_@/.")  # an address or a path stays as it is
    start = text if name else text[:1].upper() + text[1:]
    return start + ("" if text.endswith((".", "!", "`")) else ".")


def _where(error: Exception) -> str:
    # The exception's own text may quote a contact's value, its places can't.
    frames = traceback.extract_tb(error.__traceback__)
    return ", ".join(f"{Path(one.filename).name}:{one.lineno}" for one in frames[-3:])
