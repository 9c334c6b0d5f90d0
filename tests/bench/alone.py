"""What a user would write instead: a connector that reads one contact and writes one record at a time, as
HubSpot's documentation shows it.
"""

import time

import urllib3

from tests.end_to_end.scene import Scene


def one_at_a_time(one: Scene, count: int) -> float:
    """Contacts a second, over linked contacts."""
    contacts = [contact for contact in one.mainstay.all() if contact["crm_id"]][:count]
    http = urllib3.PoolManager(retries=False)
    started_s = time.monotonic()
    for contact in contacts:
        read = http.request(
            "GET",
            f"{one.mainstay.url}/contacts/{contact['id']}/?include_nonpermitted_contacts=true",
            headers={"Authorization": "APIToken sandbox-token"},
        )
        written = http.request(
            "PATCH",
            f"{one.hubspot.url}/crm/objects/2026-09/contacts/{contact['crm_id']}",
            json={"properties": {"lastname": f"Alone {read.json()['last_name']}"}},
            headers={"Authorization": "Bearer pat-na1-sandbox"},
        )
        assert read.status == 200 and written.status == 200
    return len(contacts) / (time.monotonic() - started_s)
