"""Sends groups of contacts and takes a refused or crashing group apart until only the culprit is left.

Pure bookkeeping, used by HubSpot's batch calls: what a call is, and what may be sent again, the caller says.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from core.platforms.errors import (
    AuthenticationFailed,
    PermissionMissing,
    PlatformError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
)
from core.platforms.ports import Answer

MOST_FAILED_IN_A_ROW = 5  # single contacts, nothing succeeding between: then the platform is down, not they

T = TypeVar("T")
# Keys → answers. A key that is missing from the result was not answered. Raises for the whole group.
Send = Callable[[Sequence[str]], Mapping[str, Answer]]
# Which of the group an error is certainly about, whatever their neighbours are.
Culprits = Callable[[PlatformError, Sequence[str]], Collection[str]]


class TakenApart:
    """One call of a port's method: feeds groups to ``send`` and collects an answer for every key.

    ``resend`` False: a group whose fate is unclear is never sent again (creating). ``unanswered`` says what
    becomes of a key that a good answer does not mention: sent once more alone, or left without an answer.
    """

    def __init__(
        self,
        send: Send,
        *,
        resend: bool = True,
        ask_unanswered: bool = True,
        culprits: Culprits = lambda error, group: (),
    ) -> None:
        self._send = send
        self._resend = resend
        self._ask_unanswered = ask_unanswered
        self._culprits = culprits
        self._open: list[Sequence[str]] = []
        self._answers: dict[str, Answer] = {}
        self._unclear: set[str] = set()  # keys of a failed write that may have been carried out
        self._failed_in_a_row = 0
        self._ended: PlatformError | None = None

    def run(self, groups: Iterable[Sequence[str]]) -> dict[str, Answer]:
        """Answers by key. Raises what ends the call for the whole account, if nothing was answered before."""
        self._open = list(groups)[::-1]
        while self._open:
            group = self._open.pop()
            if self._ended is not None:
                self._fail(group, self._ended)
                continue
            try:
                answers = self._send(group)
            except PlatformError as error:
                self._failed(group, error)
            else:
                self._succeeded(group, answers)
        return self._answers

    def _succeeded(self, group: Sequence[str], answers: Mapping[str, Answer]) -> None:
        self._failed_in_a_row = 0
        self._answers.update(answers)
        unanswered = [key for key in group if key not in answers]
        if self._ask_unanswered and len(group) > 1:
            self._open.extend([key] for key in reversed(unanswered))

    def _failed(self, group: Sequence[str], error: PlatformError) -> None:
        if error.maybe_applied:
            self._unclear.update(group)
        if is_everybodys(error):
            if isinstance(error, AuthenticationFailed | RateLimited | PermissionMissing) and not (
                self._answers or self._unclear
            ):
                raise error
            self._fail(group, error)
            self._ended = error
        elif len(group) > 1 and (self._resend or not error.maybe_applied):
            self._split(group, error)
        else:
            error.in_company = len(group) > 1
            self._fail(group, error)
            self._count(error)

    def _split(self, group: Sequence[str], error: PlatformError) -> None:
        certain = set(self._culprits(error, group))
        if certain:
            self._fail([key for key in group if key in certain], error)
            rest = [key for key in group if key not in certain]
            self._open.extend([rest] if rest else [])
            return
        middle = len(group) // 2
        self._open.extend([group[middle:], group[:middle]])

    def _count(self, error: PlatformError) -> None:
        if not isinstance(error, Unavailable | UnexpectedAnswer):
            self._failed_in_a_row = 0  # a clear no is an answer: the platform works
            return
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= MOST_FAILED_IN_A_ROW:
            self._ended = Unavailable(
                error.platform,
                f"{self._failed_in_a_row} in a row failed; {error.detail}",
                status=error.status,
            )

    def _fail(self, group: Sequence[str], error: PlatformError) -> None:
        for key in group:
            self._answers[key] = marked(error, key in self._unclear)


def is_everybodys(error: PlatformError) -> bool:
    """It would be the same for any other contact at this moment."""
    if isinstance(error, Unavailable):
        return error.status in (0, 408, 423, 477)
    return isinstance(error, AuthenticationFailed | RateLimited | PermissionMissing)


def marked(error: PlatformError, maybe_applied: bool) -> PlatformError:
    """The error as it is for one contact, whose write may or may not have been carried out."""
    if error.maybe_applied == maybe_applied:
        return error
    if not isinstance(error, Unavailable | UnexpectedAnswer | RateLimited | AuthenticationFailed):
        return error  # a clear no: nothing was carried out
    one = type(error)(
        error.platform,
        error.detail,
        status=error.status,
        retry_after_s=error.retry_after_s,
        maybe_applied=maybe_applied,
    )
    one.credential_version, one.in_company = error.credential_version, error.in_company
    return one


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Groups of at most ``size``, in order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def rounds(items: Mapping[str, T], same: Callable[[T], Collection[str]]) -> list[list[str]]:
    """Keys in rounds, so that no two of one round have an identity in common.

    ``same`` gives an item's identities (an email, a phone). An item waits for the round after the last one
    that holds any of its identities: the platform then sees the second one as a duplicate of the first.
    """
    found: list[list[str]] = []
    last_round: dict[str, int] = {}
    for key, item in items.items():
        identities = same(item)
        number = max((last_round.get(one, -1) + 1 for one in identities), default=0)
        last_round.update(dict.fromkeys(identities, number))
        while len(found) <= number:
            found.append([])
        found[number].append(key)
    return found
