"""Passwords (argon2id) and one-time codes (TOTP, RFC 6238) of the console's users."""

from threading import BoundedSemaphore

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12  # characters; length beats composition rules (NIST SP 800-63B §3.1.1.2, read 2026-11-23)
LONGEST = 200
STEP_S = 30
_HASHER = PasswordHasher()  # argon2id with RFC 9106's second recommended parameters
_TURNS = BoundedSemaphore(2)  # a hash takes 64 MiB: many sign-ins at once wait for one another
_NOBODY = _HASHER.hash("a password that nobody has")


def problem(password: str) -> str:
    """Why a new password can't be taken, or empty."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters. Several words are easy to remember."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if len(set(password)) < 5:
        return "Use more different characters."
    return ""


def hashed(password: str) -> str:
    """What is stored."""
    with _TURNS:
        return _HASHER.hash(password)


def fits(stored: str, password: str) -> bool:
    """Whether the password is the stored one. Takes as long for a user who does not exist (``stored`` "")."""
    try:
        with _TURNS:
            return _HASHER.verify(stored or _NOBODY, password[: LONGEST + 1]) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


def new_secret() -> str:
    """A TOTP secret, base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, email: str) -> str:
    """What an authenticator app reads (otpauth://…)."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Crosswalk")


def code_step(secret: str, code: str, now_ms: int) -> int | None:
    """The time step that a code belongs to (this one, the one before or after), None if it is wrong."""
    digits = "".join(filter(str.isdigit, code))
    totp, now_step = pyotp.TOTP(secret), now_ms // 1000 // STEP_S
    for step in (now_step, now_step - 1, now_step + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), digits):
            return step
    return None
