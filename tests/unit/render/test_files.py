"""What a recipe changes, as a table and as JSON."""

from builder.cli.render.files import files_json, render_files
from builder.core.arch import Arch
from builder.rootfs.customize.changes import Action, Change


def change(path: str, action: Action, by: str, package: str = "") -> Change:
    return Change(path=path, action=action, by=by, package=package, mode="0644", owner="root", group="adm")


CHANGES = [
    change("/etc/default/ssh", Action.REPLACED, "overlay common", "openssh-server"),
    *(change(f"/usr/share/man/man{number}/x", Action.REMOVED, "slim man", "x") for number in range(3)),
    change("/usr/share/doc/x/y", Action.REMOVED, "slim docs", "x"),
    change("/etc/dpkg/dpkg.cfg.d/slim", Action.ADDED, "rootfs.slim"),
]


def test_people_read_what_profiles_leave_out_as_sums() -> None:
    lines = [line.split() for line in render_files({Arch.AMD64: CHANGES, Arch.ARM64: []}).splitlines()]
    assert lines == [
        ["amd64:", "6", "paths"],
        ["path", "action", "by", "package", "mode", "owner"],
        ["/etc/default/ssh", "replaced", "overlay", "common", "openssh-server", "0644", "root:adm"],
        ["/etc/dpkg/dpkg.cfg.d/...", "(1)", "added", "rootfs.slim"],
        ["/usr/share/doc/...", "(1)", "removed", "slim", "docs"],
        ["/usr/share/man/...", "(3)", "removed", "slim", "man"],
        [],
        ["arm64:", "0", "paths"],
    ]


def test_pipelines_get_every_path() -> None:
    assert files_json({Arch.AMD64: CHANGES[:1]}) == {
        "version": 1,
        "architectures": {
            "amd64": [
                {
                    "path": "/etc/default/ssh",
                    "action": "replaced",
                    "by": "overlay common",
                    "package": "openssh-server",
                    "mode": "0644",
                    "owner": "root",
                    "group": "adm",
                }
            ]
        },
    }
