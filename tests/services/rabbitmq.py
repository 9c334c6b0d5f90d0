"""RabbitMQ of our own: one node, or a cluster of three. About 8 s to start, 14 s for three."""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.services import system
from tests.services.certificate import certify
from tests.services.process import Server, eventually, free_port, unavailable

COOKIE = "crosswalk-tests"


def programs() -> Path:
    """Where the package keeps its inner scripts (those on the PATH change user and folder)."""
    found = system.programs("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
    if not found:
        unavailable("rabbitmq-server is not installed (Debian: apt-get install rabbitmq-server)")
    return found[-1]


class RabbitNode(Server):
    """One node. ``url`` is a setting's value."""

    name = "rabbitmq"

    def __init__(self) -> None:
        super().__init__()
        self._programs = programs()
        self.node = f"crosswalk{self.port}@localhost"
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        (self.folder / "enabled_plugins").write_text("[].\n")
        self.authority = certify(self.folder)  # the file to trust for ``tls_url``
        tls_port = free_port()
        self.tls_url = f"amqps://guest:guest@localhost:{tls_port}//"
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.ssl.default = {tls_port}\n"
            f"ssl_options.certfile = {self.folder}/certificate.pem\n"
            f"ssl_options.keyfile = {self.folder}/key.pem\n"
            f"ssl_options.cacertfile = {self.authority}\n"
        )

    def command(self) -> Sequence[str]:
        """See Server."""
        return system.inside([str(self._programs / "rabbitmq-server")])

    def environment(self) -> dict[str, str]:
        """See Server."""
        folder = str(self.folder)
        return {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-setcookie {COOKIE}",
        }

    def answers(self) -> bool:
        """See Server: it greets."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as sock:
            sock.settimeout(2)
            sock.sendall(b"AMQP\x00\x00\x09\x01")
            return sock.recv(1) == b"\x01"
        return False

    def ctl(self, *arguments: str) -> str:
        """What ``rabbitmqctl`` answers (1 to 2 s a call)."""
        command = [
            str(self._programs / "rabbitmqctl"),
            "--erlang-cookie",
            COOKIE,
            "-n",
            self.node,
            *arguments,
        ]
        done = subprocess.run(
            system.inside(command), env=self.environment(), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill(self) -> None:
        """See Server; once its young queues are safe. RabbitMQ 3.10.8 killed within half a second of a
        declaration comes back with a quorum queue that never elects a leader: it writes the list of queues
        (names.dets) now and then only.
        """
        lists = list(self.folder.glob("mnesia/*/quorum/*/names.dets"))
        eventually(lambda: all(time.time() - one.stat().st_mtime > 1 for one in lists))
        super().kill()

    def messages(self) -> int:
        """How many lie in all queues, those included that a consumer holds."""
        listed = self.ctl("list_queues", "--quiet", "--formatter", "json", "messages")
        return sum(one["messages"] for one in json.loads(listed))

    def raise_alarm(self) -> None:
        """No memory left: publishing connections are blocked."""
        self.ctl("set_vm_memory_high_watermark", "absolute", "1")

    def clear_alarm(self) -> None:
        """Enough memory again."""
        self.ctl("set_vm_memory_high_watermark", "0.6")


class RabbitCluster:
    """Three nodes. ``url`` names them all. A node that sees no majority pauses, as deploy/rabbitmq says."""

    def __init__(self) -> None:
        self.nodes = [RabbitNode() for _ in range(3)]
        for node in self.nodes:
            with (node.folder / "rabbitmq.conf").open("a") as settings:
                settings.write("cluster_partition_handling = pause_minority\n")
        self.url = ";".join(node.url for node in self.nodes)

    def start(self) -> None:
        """Start and join them."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.await_ready()
        first = self.nodes[0]
        for node in self.nodes[1:]:
            node.ctl("stop_app")
            node.ctl("join_cluster", first.node)
            node.ctl("start_app")
        eventually(lambda: all(node.answers() for node in self.nodes))

    def cut_off(self, node: RabbitNode) -> None:
        """A partition: the node runs on, and can't talk to the others any more, nor they to it."""
        self._introduce(node, "no-such-cookie")

    def rejoin(self, node: RabbitNode) -> None:
        """The end of the partition."""
        self._introduce(node, COOKIE)
        eventually(node.answers, within_s=60)

    def _introduce(self, node: RabbitNode, cookie: str) -> None:
        others = [one for one in self.nodes if one is not node]
        for one, whom in [(node, others), *((one, [node]) for one in others)]:
            for other in whom:
                one.ctl(
                    "eval",
                    f"erlang:set_cookie('{other.node}', '{cookie}'), erlang:disconnect_node('{other.node}'),"
                    f" net_adm:ping('{other.node}').",
                )

    def whole(self) -> bool:
        """Whether any node may go without a queue losing its majority."""
        command = [str(programs() / "rabbitmq-diagnostics"), "--erlang-cookie", COOKIE]
        for node in self.nodes:
            asked = system.inside([*command, "-n", node.node, "check_if_node_is_quorum_critical"])
            if subprocess.run(asked, env=node.environment(), capture_output=True).returncode:
                return False
        return True

    def remove(self) -> None:
        """End them and forget their data."""
        for node in self.nodes:
            node.remove()
