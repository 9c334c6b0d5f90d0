"""What search sees: a copy of each record's values, as late as the lag says.

HubSpot's search is eventually consistent, with no bound given (search guide; facts §1.8).
"""

import heapq
import itertools
import time


class SearchIndex:
    """Values per contact id, each becoming visible after its own delay."""

    def __init__(self) -> None:
        self._visible: dict[str, tuple[int, dict[str, str]]] = {}
        self._waiting: list[tuple[float, int, str, dict[str, str]]] = []
        self._order = itertools.count(1)

    def put(self, contact_id: str, values: dict[str, str], visible_after_s: float) -> None:
        order = next(self._order)
        if visible_after_s <= 0:
            self._show(order, contact_id, dict(values))
        else:
            entry = (time.monotonic() + visible_after_s, order, contact_id, dict(values))
            heapq.heappush(self._waiting, entry)

    def remove(self, contact_id: str) -> None:
        self._visible.pop(contact_id, None)

    def visible(self) -> dict[str, tuple[int, dict[str, str]]]:
        """Per contact id: an order number and the values that search may know by now."""
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, order, contact_id, values = heapq.heappop(self._waiting)
            self._show(order, contact_id, values)
        return self._visible

    def _show(self, order: int, contact_id: str, values: dict[str, str]) -> None:
        shown = self._visible.get(contact_id)
        if shown is None or shown[0] < order:
            self._visible[contact_id] = (order, values)
