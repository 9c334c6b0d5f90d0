"""Python's search for cycles among objects, less often: for the processes that carry many contacts.

A batch or a request of 100 events makes thousands of objects that are gone when it ends, none of them in a
cycle. Looking for cycles among them, and in everything imported, took a tenth of the time in receiver and
consumers, and doubled the receiver's slowest answers.

Source: docs.python.org/3.11/library/gc.html, read 2026-11-29.
"""

import gc

THRESHOLDS = (20_000, 10, 10)  # Python's own are (700, 10, 10)


def look_less_often() -> None:
    """Call once per process, after a fork and the imports: what is there now is never looked at again."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
