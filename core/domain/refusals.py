"""Why a webhook request was not taken, in words: by the reason that the receiver counts it under. Pure."""

# 503: the platform sends it again.
POSTPONED = frozenset({"no-table", "unconfirmed", "queue-failing", "busy"})

WORDS = {
    "wrong": "the signature does not fit",
    "missing": "no signature",
    "malformed": "a signature that can't be read",
    "stale": "signed more than five minutes ago",
    "future": "signed in the future: a clock is wrong",
    "foreign": "signed for another organisation",
    "incomplete": "the body never fully came",
    "declared": "larger than 1 MiB",
    "counted": "larger than 1 MiB",
    "type": "not JSON",
    "encoding": "compressed",
    "json": "not JSON",
    "members": "no event in it can be read",
    "no-table": "put off: the receiver had not read its integrations yet",
    "unconfirmed": "put off: the queue did not confirm",
    "queue-failing": "put off: the queue did not confirm",
    "busy": "put off: too many requests at once",
}
