"""What a batch tells the queue: what goes back into it, when, and what else is to be looked at."""

from dataclasses import dataclass, field

from core.domain.messages import Message

HELD_S = 1.0  # a message of an account that was just held looks again after this


@dataclass(frozen=True, slots=True)
class Put:
    """A message that goes back into the queue: the message as it is then, and when it is due."""

    message: Message
    delay_s: float


@dataclass(slots=True)
class Result:
    """What the queue is told. ``back`` is by message id; every other message of the batch is done.

    ``broken``: the batch ended by a fault of our own.
    """

    back: dict[str, Put] = field(default_factory=dict)
    follow_ups: list[Message] = field(default_factory=list)
    broken: bool = False
