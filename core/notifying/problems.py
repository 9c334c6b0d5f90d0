"""Why a message was not taken."""


class NotSent(Exception):
    """The destination did not take it. The text is a sentence for an operator, without what it answered."""
