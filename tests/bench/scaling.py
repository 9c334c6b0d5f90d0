"""More consumers: 1, 2 and 4 of one direction over 8 pairs of accounts; what stops the growth."""

import os
from pathlib import Path

from tests.bench.stage import Stage, cpu_s, mainstay_contacts, stage
from tests.end_to_end.scene import MAPPINGS

ACCOUNTS, EACH = 8, 250


def scale_out(folder: Path) -> list[dict[str, object]]:
    """Outgoing updates of linked contacts, 100 ms a call, no limits."""
    with stage(folder) as one:
        names = accounts(one, ACCOUNTS)
        made = {name: one.people(EACH, org=name) for name in names}
        for name in names:
            one.queue(f"out-{name}", mainstay_contacts(made[name]))
        latency_ms, one.latency_ms = one.latency_ms, 0.0
        one.carry("linking", "outgoing", ACCOUNTS * EACH, consumers=2)
        one.latency_ms = latency_ms
        rows = []
        for consumers in (1, 2, 4):
            _change(one, names, f"Round{consumers}")
            sandboxes_s = sum(cpu_s(r.process.pid) for r in one.one.running)
            row = one.carry(
                f"{consumers} consumers, {ACCOUNTS} accounts", "outgoing", ACCOUNTS * EACH, consumers
            )
            sandboxes_s = sum(cpu_s(r.process.pid) for r in one.one.running) - sandboxes_s
            seconds = float(str(row["seconds"]))
            ours_s = float(str(row["CPU ms/contact"])) * ACCOUNTS * EACH / 1000
            cores = (ours_s + sandboxes_s) / seconds
            row["cores busy (ours, sandboxes)"] = f"{ours_s / seconds:.2f}, {sandboxes_s / seconds:.2f}"
            row["stopped by"] = "the machine's cores" if cores > 0.8 * (os.cpu_count() or 1) else "calls"
            rows.append(row)
    return rows


def accounts(one: Stage, count: int, direction: str = "outgoing") -> list[str]:
    """Pairs of a portal and an organisation, with an enabled instance each, ``out-NAME`` or ``in-NAME``."""
    names = [f"org{number}" for number in range(count)]
    lines = ["accounts:", "  hubspot:"]
    for number, name in enumerate(names):
        one.one.hubspot.post("portals", portal=str(70000 + number), token=f"pat-{name}")
        one.one.mainstay.post("orgs", org=name, tokens=[f"token-{name}"])
        lines.append(f"    - {{name: p-{name}, portal_id: {70000 + number}, access_token: pat-{name}}}")
    lines.append("  mainstay:")
    lines += [f"    - {{name: {name}, org_id: {name}, api_token: token-{name}}}" for name in names]
    lines.append("instances:")
    for name in names:
        lines += [
            f"  - name: {direction.removesuffix('going').removesuffix('coming')}-{name}",
            f"    direction: {direction}",
            f"    hubspot: p-{name}",
            f"    mainstay: {name}",
            "    enabled: true",
            "    mappings:" + MAPPINGS.rstrip(),
        ]
    one.one.apply("\n".join(lines) + "\n")
    return names


def _change(one: Stage, names: list[str], last_name: str) -> None:
    for name in names:
        for contact in one.one.mainstay.ask("GET", f"contacts?org={name}")["contacts"]:
            one.one.mainstay.ask("PATCH", f"contacts/{contact['id']}?org={name}", {"last_name": last_name})
        contacts = one.one.mainstay.ask("GET", f"contacts?org={name}")["contacts"]
        one.queue(f"out-{name}", mainstay_contacts(contacts))
