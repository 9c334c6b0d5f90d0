"""Builds and runs deploy/Dockerfile without a container engine: every instruction in plain directories.

Each stage is an overlay over this machine's own system, which stands in for the base image (so its Python is
this machine's, Debian 12's, not python:…-slim's). RUN happens in a chroot of it, COPY takes the files that
git knows. Run like a container: the image's user and environment, a read-only root, a tmpfs at /tmp. Needs
root on Linux, because of the mounts; all of them live in a mount namespace of their own and go with it.
"""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.process import eventually, unavailable

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """``word`` in capitals, and what follows it on its (joined) line."""

    word: str
    rest: str


def instructions(text: str) -> list[Instruction]:
    """A Dockerfile's instructions; heredocs and escapes other than a line's last backslash are not known."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [Instruction(*line.strip().split(None, 1)) for line in joined.splitlines() if line.strip()]


@dataclass(slots=True)
class Stage:
    """One FROM and what follows it."""

    root: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/bin"}
    )
    folder: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)


class PlainImage:
    """The last stage, once it is built."""

    def __init__(self) -> None:
        if os.geteuid() != 0 or not shutil.which("unshare"):
            unavailable("mounts need root, and Linux")
        self._scratch = Path(tempfile.mkdtemp(prefix="crosswalk-image-"))
        self._namespace = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sleep", "infinity"]
        )
        eventually(lambda: self._inside_own_namespace(), within_s=10)
        self._in_namespace(["mount", "-t", "tmpfs", "tmpfs", str(self._scratch)])
        self._stages: dict[str, Stage] = {}
        self.stage = Stage(Path("/"))

    def _inside_own_namespace(self) -> bool:
        mine, its = (os.readlink(f"/proc/{pid}/ns/mnt") for pid in ("self", self._namespace.pid))
        return mine != its

    def _in_namespace(self, command: Sequence[str], **options: object) -> None:
        enter = ["nsenter", "-t", str(self._namespace.pid), "-m", *command]
        done = subprocess.run(enter, capture_output=True, text=True, **options)  # type: ignore[call-overload]
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"

    def build(self) -> list[str]:
        """Carry every instruction out, in order; what was carried out, one line each."""
        for one in instructions(DOCKERFILE.read_text()):
            getattr(self, f"_{one.word.lower()}", self._no_instruction)(one.rest)
        root = self.stage.root
        self._in_namespace(["mount", "-o", "remount,ro", str(root)])
        self._in_namespace(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/tmp"])
        return [f"{one.word} {one.rest}" for one in instructions(DOCKERFILE.read_text())]

    def _no_instruction(self, rest: str) -> None:
        raise AssertionError(f"an instruction that this does not know: {rest}")

    def _arg(self, rest: str) -> None:
        """The base image's name: there is none here."""

    _expose = _stopsignal = _arg

    def _from(self, rest: str) -> None:
        name = rest.split(" AS ")[1] if " AS " in rest else "last"
        base = self._scratch / name
        root = base / "root"
        self._in_namespace(["mkdir", "-p", str(root), f"{base}/upper", f"{base}/work"])
        layers = f"lowerdir=/,upperdir={base}/upper,workdir={base}/work"
        self._in_namespace(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)])
        for shared in ("proc", "dev"):
            self._in_namespace(["mount", "--rbind", f"/{shared}", f"{root}/{shared}"])
        self.stage = self._stages[name] = Stage(root)

    def _workdir(self, rest: str) -> None:
        self.stage.folder = rest
        self._in_namespace(["mkdir", "-p", f"{self.stage.root}{rest}"])

    def _user(self, rest: str) -> None:
        self.stage.user = rest

    def _env(self, rest: str) -> None:
        self.stage.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))

    def _cmd(self, rest: str) -> None:
        self.stage.command = json.loads(rest)

    def _healthcheck(self, rest: str) -> None:
        self.stage.health = json.loads(rest.partition("CMD")[2])

    def _run(self, rest: str) -> None:
        self._in_namespace(self.inside(["sh", "-ec", rest], pip=True), timeout=600)

    def _copy(self, rest: str) -> None:
        *sources, target = [word for word in rest.split() if not word.startswith("--")]
        to = self.stage.root / (target if target.startswith("/") else f"{self.stage.folder}/{target}").lstrip(
            "/"
        )
        origin = next((word for word in rest.split() if word.startswith("--from=")), "")
        for source in sources:
            if origin:
                from_stage = self._stages[origin.removeprefix("--from=")].root
                self._in_namespace(["cp", "-a", f"{from_stage}{source}", str(to)])
            else:
                self._copy_from_here(source, to)

    def _copy_from_here(self, source: str, to: Path) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", source],
            cwd=ROOT, capture_output=True, check=True,
        ).stdout  # fmt: skip
        names = [name.decode() for name in listed.split(b"\0") if name and (ROOT / name.decode()).exists()]
        assert names, f"nothing to copy: {source}"
        folder = (ROOT / source).is_dir()
        for name in names:
            place = (
                to / Path(name).relative_to(source)
                if folder
                else (to / name if str(to).endswith("build") else to)
            )
            self._in_namespace(["install", "-D", "-m", "644", str(ROOT / name), str(place)])

    def inside(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, *, pip: bool = False
    ) -> list[str]:
        """The command line that runs ``command`` in the present stage. ``pip``: with this machine's settings
        of pip, which say where packages come from."""
        outside = {name: value for name, value in os.environ.items() if pip and name.startswith("PIP_")}
        values = outside | self.stage.environment | dict(environment or {})
        settings = [f"{name}={value}" for name, value in values.items()]
        home = ["HOME=/root"] if pip else ["HOME=/var/lib/crosswalk"]
        enter = "cd " + shlex.quote(self.stage.folder) + ' && exec "$@"'
        return [
            *("chroot", f"--userspec={self.stage.user}", str(self.stage.root), "/usr/bin/env", "-i", *home),
            *(*settings, "sh", "-c", enter, "sh", *command),
        ]

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> "subprocess.Popen[bytes]":
        """Run a process in it, as a container would."""
        enter = ["nsenter", "-t", str(self._namespace.pid), "-m", *self.inside(command, environment)]
        with log.open("ab") as output:
            return subprocess.Popen(enter, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def ask(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in it; what it said."""
        enter = ["nsenter", "-t", str(self._namespace.pid), "-m", *self.inside(command, environment)]
        return subprocess.run(enter, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

    def volume(self, folder: str) -> None:
        """A writable folder of its user's, as ``docker run --tmpfs`` or a volume."""
        where, (uid, gid) = f"{self.stage.root}{folder}", self.stage.user.split(":")
        self._in_namespace(["mount", "-t", "tmpfs", "-o", f"uid={uid},gid={gid}", "tmpfs", where])

    def name_hosts(self, names: Sequence[str]) -> None:
        """Let these names lead to this machine, as a compose network would lead them to their services."""
        hosts = self._scratch / "hosts"
        lines = "127.0.0.1 localhost " + " ".join(names)
        self._in_namespace(["sh", "-c", f"echo {shlex.quote(lines)} > {hosts}"])
        self._in_namespace(["mount", "--bind", str(hosts), f"{self.stage.root}/etc/hosts"])

    def remove(self) -> None:
        """Everything goes with the namespace."""
        self._namespace.kill()
        self._namespace.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)


@contextmanager
def built() -> Iterator[PlainImage]:
    """The image, built; gone afterwards."""
    image = PlainImage()
    try:
        image.build()
        yield image
    finally:
        image.remove()
