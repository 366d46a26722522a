"""A recipe that extends the default one: overlay, template, account, units and slim profiles, with real packages."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from builder.app.changed_files import changed_files
from builder.app.make import targets_of
from builder.app.project import Project, find_project
from builder.app.session import Session, Settings
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace, open_workspace
from builder.cli.render.files import files_json, render_files
from builder.core.arch import Arch, host_arch
from builder.core.errors import BuilderError
from builder.core.output import Output
from builder.formats.tar import DIRECTORY, TarMember
from builder.rootfs.compare import Archive, open_archive
from builder.steps.kinds.rootfs import CHANGES, OUTPUT

RECIPE = """\
extends: {root}/recipes/edge.yaml
name: gateway
rootfs:
  slim: [docs, man, locales, modules]
  overlays:
    common: {{directory: overlays/common}}
  files:
    /etc/issue: {{template: issue.j2, mode: "0640", group: adm}}
    /etc/app/token: {{content: "none\\n", owner: ada, group: ada, mode: "0600"}}
  variables: {{site: north}}
  users:
    ada: {{groups: [adm], ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKr ada]}}
  time_zone: Europe/Berlin
  sysctl: {{net.ipv4.ip_forward: "1"}}
  modules: [br_netfilter, snd_dummy]
  units:
    app.service: enabled
    apt-daily.timer: disabled
    systemd-timesyncd.service: masked
"""
UNIT = "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def project() -> Project:
    return find_project(os.environ)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The recipe, locked by the default recipe's lock."""
    place = tmp_path_factory.mktemp("gateway")
    contents = {
        "gateway.yaml": RECIPE.format(root=ROOT),
        "issue.j2": "{{ recipe }} {{ arch }} {{ site }}\n",
        "overlays/common/lib/systemd/system/app.service": UNIT,
        "overlays/common/etc/motd": "hello\n",
        "overlays/common/etc/default/ssh": "SSHD_OPTS=-4\n",
        "overlays/common/.overlay.yaml": '/etc/motd: {mode: "0600"}\n',
    }
    for name, text in contents.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return open_workspace(place / "gateway.yaml", ())


@pytest.fixture(scope="module")
def made(project: Project, workspace: Workspace) -> Path:
    (target,) = targets_of(workspace, Wanted(archs=[Arch.AMD64], outputs=[Output.ROOTFS]))
    with Session(project, Settings()) as session:
        return session.obtain(target.step)


@pytest.fixture(scope="module")
def archive(made: Path) -> Iterator[Archive]:
    with open_archive(made / OUTPUT) as archive:
        yield archive


@pytest.fixture(scope="module")
def members(archive: Archive) -> Mapping[str, TarMember]:
    return archive.members


@pytest.fixture(scope="module")
def extracted(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root file system in a directory; belongs to whoever runs this."""
    place = tmp_path_factory.mktemp("root")
    command = [
        "tar",
        "-x",
        "-C",
        str(place),
        "-f",
        str(made / OUTPUT),
        "--no-same-owner",
        "--exclude=./usr/lib/modules",
    ]
    subprocess.run(command, check=True)
    (place / "usr/lib/modules").mkdir(exist_ok=True)
    return place


def test_overlays_files_and_accounts(members: Mapping[str, TarMember], extracted: Path) -> None:
    assert members["usr/lib/systemd/system/app.service"].mode == 0o644
    assert members["lib"].link == "usr/lib"
    assert members["etc/motd"].mode == 0o600
    issue = members["etc/issue"]
    assert (issue.mode, issue.uid, issue.gid) == (0o640, 0, 4)
    assert (extracted / "etc/issue").read_text() == "gateway amd64 north\n"
    home = {name: member for name, member in members.items() if f"{name}/".startswith("home/ada/")}
    assert home["home/ada"].mode == 0o700
    assert home["home/ada/.ssh/authorized_keys"].mode == 0o600
    assert "home/ada/.bashrc" in home
    assert {(one.uid, one.gid) for one in (*home.values(), members["etc/app/token"])} == {(1000, 1000)}
    assert "ada:x:1000:1000::/home/ada:/bin/bash" in (extracted / "etc/passwd").read_text().splitlines()
    assert (extracted / "etc/subuid").read_text() == "ada:100000:65536\n"


def test_settings_and_units(members: Mapping[str, TarMember], extracted: Path) -> None:
    assert members["etc/localtime"].link == "/usr/share/zoneinfo/Europe/Berlin"
    assert (extracted / "etc/locale.conf").read_text() == "LANG=C.UTF-8\n"
    sysctl = (extracted / "etc/sysctl.d/60-gateway.conf").read_text().splitlines()
    assert {"kernel.panic = 10", "net.ipv4.ip_forward = 1"} <= set(sysctl)
    units = "etc/systemd/system"
    assert members[f"{units}/multi-user.target.wants/app.service"].link == "/usr/lib/systemd/system/app.service"
    assert members[f"{units}/systemd-timesyncd.service"].link == "/dev/null"
    assert f"{units}/timers.target.wants/apt-daily.timer" not in members
    assert f"{units}/timers.target.wants/fstrim.timer" in members


def test_what_profiles_leave_out(members: Mapping[str, TarMember]) -> None:
    files = [name for name, member in members.items() if member.type != DIRECTORY]
    docs = [name for name in files if name.startswith("usr/share/doc/") and name.count("/") > 3]
    assert docs
    assert not [name for name in docs if not name.endswith("/copyright")]
    assert not [name for name in members if name.startswith("usr/share/man/")]
    assert "etc/dpkg/dpkg.cfg.d/slim" in members


def test_modules_that_stay_can_be_loaded(made: Path, archive: Archive) -> None:
    """Everything in modules.dep is there; what is loaded at boot stays with all that it needs, though it is sound."""
    (dep,) = (name for name in archive.members if name.endswith("/modules.dep"))
    command = ["tar", "-x", "-O", "-f", str(made / OUTPUT), f"./{dep}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    base = dep.removesuffix("modules.dep")
    lines = [line.replace(":", " ").split() for line in done.stdout.splitlines()]
    assert len(lines) > 1000
    assert {f"{base}{path}" for line in lines for path in line} <= set(archive.members)
    names = {line[0].rpartition("/")[2].partition(".")[0] for line in lines}
    assert {"snd-dummy", "snd", "snd-pcm", "br_netfilter", "overlay", "ext4"} <= names
    assert not {"snd-usb-audio", "nouveau", "dvb-core"} & names


def test_dpkg_finds_nothing_missing(extracted: Path) -> None:
    """The device's own dpkg finds what the overlay replaced, and nothing else, although so much was left out."""
    inside = ["unshare", "--user", "--map-root-user"]
    if host_arch() is not Arch.AMD64 or subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("the device's own dpkg is run in a user namespace, on a machine of its architecture")
    # Kernel modules were not extracted; they make most of all bytes.
    for path in (extracted / "var/lib/dpkg/info").glob("linux-image-*.list"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if "/modules/" not in line))
    done = subprocess.run(
        [*inside, "chroot", str(extracted), "/usr/bin/dpkg", "--verify"],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/usr/sbin", "LC_ALL": "C.UTF-8"},
    )
    told = {line.split()[-1] for line in done.stdout.splitlines() if not line.startswith("missing   c")}
    assert told == {"/etc/default/ssh", "/etc/issue", "/etc/motd"} & told
    assert "/etc/default/ssh" in told, done.stdout + done.stderr


def test_changes_are_told(project: Project, workspace: Workspace, made: Path) -> None:
    changes = {one["path"]: one for one in json.loads((made / CHANGES).read_bytes())["changes"]}
    assert changes["/etc/default/ssh"] == {
        "path": "/etc/default/ssh",
        "action": "replaced",
        "by": "overlay common",
        "package": "openssh-server",
        "mode": "0644",
        "owner": "root",
        "group": "root",
    }
    assert changes["/etc/issue"]["by"] == "rootfs.files"
    assert changes["/etc/passwd"]["action"] == "merged"
    assert changes["/usr/share/doc/tar/changelog.gz"]["by"] == "slim docs"
    assert changes["/usr/share/doc/tar/changelog.gz"]["package"] == "tar"
    with Session(project, Settings()) as session:
        found = changed_files(session, workspace, [Arch.AMD64])
        table = render_files(found)
        with pytest.raises(BuilderError, match="it is not yet for armv7") as caught:
            changed_files(session, workspace, [Arch.ARMV7])
    assert f"builder make {workspace.loaded.files[0]} --arch armv7 --target rootfs" in caught.value.hint
    assert len(found[Arch.AMD64]) == len(changes)
    assert table.startswith(f"amd64: {len(changes)} paths\n")
    assert any(line.split()[:4] == ["/etc/default/ssh", "replaced", "overlay", "common"] for line in table.splitlines())
    assert "/usr/share/doc/tar/changelog.gz" not in table
    wire = json.loads(json.dumps(files_json(found)))
    assert wire["architectures"]["amd64"][0]["path"] == found[Arch.AMD64][0].path


def test_mistakes_are_told_with_their_files(project: Project, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "x.j2").write_text("ok\n{{ sit }}\n")
    recipe = tmp_path / "broken.yaml"
    recipe.write_text(
        f"extends: {workspace.loaded.files[0]}\nname: broken\n"
        "rootfs:\n  files: {/etc/x: {template: x.j2}}\n  units: {sshh.service: enabled}\n  time_zone: Europe/Berlim\n"
    )
    (target,) = targets_of(open_workspace(recipe, ()), Wanted(archs=[Arch.AMD64], outputs=[Output.ROOTFS]))
    events: list[object] = []
    with Session(project, Settings(), sink=events.append) as session, pytest.raises(BuilderError):
        session.obtain(target.step)
    told = "\n".join(str(event) for event in events)
    assert f"{tmp_path}/x.j2:2: 'sit' is not defined; did you mean 'site'?" in told
    assert "did you mean 'ssh.service'?" in told
    assert "did you mean 'Europe/Berlin'?" in told
