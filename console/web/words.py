"""How the pages say what a platform refused: plain words, and what to do next."""

from core.platforms.errors import AuthenticationFailed, PermissionMissing, PlatformError, RateLimited


def platform_problem(error: PlatformError, then: str = "Try again; your draft is kept.") -> str:
    """One or two sentences without a token or a contact's value. ``then``: what to do about an outage."""
    title = error.platform.title
    match error:
        case AuthenticationFailed():
            return f"{title} does not accept this token. Copy it again, whole, or make a new one."
        case PermissionMissing():
            return f"{title} accepts the token, but it lacks a permission: {error.detail}."
        case RateLimited():
            return f"{title} asks us to slow down. Try again in a minute."
        case _:
            return f"{title} can't be asked at the moment ({error.detail}). {then}"
