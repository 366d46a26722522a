"""What a node's components need of their host, handed in piece by piece."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.integration.roots.root import KEDGE, Root

# Inside a user namespace runc cannot make devices, so it takes the host's.
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
SETTINGS = 'version = 4\nroot = "/containerd/root"\nstate = "/containerd/state"\n'
IMAGE = "/image"
SOCKET = "/run/containerd/containerd.sock"
# kedge's ctr speaks to a worker's containerd; this one is started with upstream's defaults.
CTR = ("ctr", "--address", SOCKET, "--namespace", "default")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A root with kedge's helpers unpacked by kedge itself, in the directory `helpers`."""

    root: Root
    helpers: str

    @classmethod
    def of(cls, root: Root) -> "Host":
        # A container's root is moved to where its host's was, so this has to be a mount of its own.
        root.space.mount("--rbind", str(root.directory), str(root.directory))
        helpers = root.kedge("payload", "unpack").strip()
        with_helpers = Root(directory=root.directory, space=root.space, path=f"{helpers}/bin:{root.path}")
        return cls(root=with_helpers, helpers=helpers)

    def helper(self, name: str, *arguments: str, told: str = "") -> str:
        return self.root.said(f"{self.helpers}/bin/{name}", *arguments, told=told)

    def mount(self, kind: str, name: str) -> None:
        target = self._inside(name)
        target.mkdir(parents=True, exist_ok=True)
        self.root.space.mount("-t", kind, kind, str(target))

    def hand_in_devices(self, *names: str) -> None:
        for name in names:
            target = self._inside(f"/dev/{name}")
            target.parent.mkdir(exist_ok=True)
            target.touch()
            self.root.space.mount("--bind", f"/dev/{name}", str(target))

    def hand_in_cgroups(self) -> None:
        """The unified hierarchy, as this process namespace sees it."""
        self.mount("sysfs", "/sys")
        self.mount("cgroup2", "/sys/fs/cgroup")

    def write(self, name: str, text: str) -> str:
        self._inside(name).parent.mkdir(parents=True, exist_ok=True)
        self._inside(name).write_text(text)
        return name

    def bundle(self, *argv: str) -> str:
        """The configuration of a container, as runc writes it, that has /image as its root and runs `argv`."""
        self._inside("/config.json").unlink(missing_ok=True)
        self.helper("runc", "spec")
        config = json.loads(self._inside("/config.json").read_text())
        config["process"] |= {"terminal": False, "args": list(argv)}
        config["root"] = {"path": IMAGE, "readonly": False}
        for mount in config["mounts"]:
            # Group 5, terminals', is none in a user namespace with one user and one group.
            mount["options"] = [one for one in mount.get("options", []) if one != "gid=5"]
        return self.write("/config.json", json.dumps(config))

    def containerd(self) -> list[str]:
        return [KEDGE, "containerd", "--config", self.write("/containerd.toml", SETTINGS)]

    def _inside(self, name: str) -> Path:
        return self.root.directory / name.lstrip("/")
