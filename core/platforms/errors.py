"""How a call to a platform can fail. One tree for both platforms; each platform's ``errors.py`` makes them.

    PlatformError
      RateLimited        429: wait, costs no attempt
      Unavailable        no answer, a time-out, or 5xx: the retry ladder
      UnexpectedAnswer   an answer that is not in the documented form: the retry ladder
      AuthenticationFailed  401, or 403 for the whole account: the account is held
      PermissionMissing  403 for this call: the Sync Log
      NotFound           404: the matching rules decide
      Conflict           409: a value that must be unique is taken (HubSpot's "Existing ID", Mainstay's phone)
      Refused            400: the platform does not take what was sent

``detail`` is for people who repair things and never holds a contact value or a token.
"""

from core.domain.codes import Code
from core.domain.fields import Platform


class PlatformError(Exception):
    """A call failed. ``code`` is what the Sync Log says if nothing else is decided."""

    code = Code.UNEXPECTED_ANSWER

    def __init__(
        self,
        platform: Platform,
        detail: str,
        *,
        status: int = 0,
        retry_after_s: float | None = None,
        maybe_applied: bool = False,
    ) -> None:
        super().__init__(f"{platform.title}: {detail}")
        self.platform = platform
        self.detail = detail
        self.status = status
        self.retry_after_s = retry_after_s
        self.maybe_applied = maybe_applied  # a write whose answer is lost: it may have happened
        self.in_company = False  # other contacts were in the same call: not known whose failure it is
        self.credential_version = 0  # of a refusal (401, 403): which credentials were refused

    @property
    def retryable(self) -> bool:
        """Worth another try by itself."""
        return self.code.retryable


class RateLimited(PlatformError):
    """429. ``retry_after_s`` is set where the platform said it. ``bucket`` names the limit that was hit."""

    code = Code.RATE_LIMITED


class Unavailable(PlatformError):
    """No connection, no answer in time, or 5xx."""

    code = Code.PLATFORM_UNAVAILABLE


class UnexpectedAnswer(PlatformError):
    """Not the documented form: not JSON, no results, too large, a redirect."""

    code = Code.UNEXPECTED_ANSWER


class AuthenticationFailed(PlatformError):
    """The credentials are refused for the whole account. ``credential_version`` says which ones."""

    code = Code.AUTHENTICATION_FAILED


class PermissionMissing(PlatformError):
    """403 for this call only."""

    code = Code.PERMISSION_MISSING


class NotFound(PlatformError):
    """404, or missing from a batch answer."""

    code = Code.CRM_ID_NOT_FOUND


class Refused(PlatformError):
    """The platform does not take what was sent. ``fields`` maps the culprits it names to a code."""

    code = Code.INVALID_VALUE

    def __init__(
        self, platform: Platform, detail: str, *, status: int = 400, fields: dict[str, Code] | None = None
    ) -> None:
        super().__init__(platform, detail, status=status)
        self.fields = fields or {}


class Conflict(Refused):
    """A unique value is taken. ``existing_id`` is the holder where the platform says it.

    ``fields`` names the field (HubSpot: ``email`` or a unique property; Mainstay: ``phone`` or ``crm_id``).
    """

    def __init__(
        self,
        platform: Platform,
        detail: str,
        *,
        status: int = 409,
        fields: dict[str, Code] | None = None,
        existing_id: str = "",
    ) -> None:
        super().__init__(platform, detail, status=status, fields=fields)
        self.existing_id = existing_id
