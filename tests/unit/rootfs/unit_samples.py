"""Units of every kind that enabling tells apart, and the links that `systemctl --root enable` makes of them."""

from collections.abc import Mapping

from builder.rootfs.tree import Tree

ETC, USR = "etc/systemd/system", "usr/lib/systemd/system"


def service(*install: str) -> str:
    return "\n".join(("[Service]", "ExecStart=/bin/true", "[Install]", *install, ""))


FILES: Mapping[str, str] = {
    f"{USR}/wanted.service": service("WantedBy=multi-user.target"),
    f"{USR}/several.service": service("WantedBy=one.target two.target", "RequiredBy=three.target"),
    f"{USR}/upheld.service": service("UpheldBy=multi-user.target"),
    f"{USR}/named.service": service("Alias=other.service third.service", "WantedBy=multi-user.target"),
    f"{USR}/also.service": service("WantedBy=multi-user.target", "Also=wanted.service absent.service hidden.service"),
    f"{USR}/hidden.service": service("WantedBy=multi-user.target"),
    f"{USR}/default@.service": service("WantedBy=multi-user.target", "DefaultInstance=one", "DefaultInstance=two"),
    f"{USR}/plain@.service": service("WantedBy=multi-user.target"),
    f"{USR}/wantedbytemplate@.service": service("WantedBy=another@.target"),
    f"{USR}/namedtemplate@.service": service("WantedBy=multi-user.target", "Alias=other@.service"),
    f"{USR}/more.service": service("WantedBy=multi-user.target"),
    f"{USR}/more.service.d/more.conf": "[Install]\nWantedBy=more.target\n",
    f"{USR}/reset.service": service("WantedBy=multi-user.target"),
    f"{USR}/reset.service.d/20.conf": "[Install]\nWantedBy=\nWantedBy=vendor.target\n",
    f"{ETC}/reset.service.d/20.conf": "[Install]\nWantedBy=\nWantedBy=admin.target\n",
    f"{ETC}/reset.service.d/10.conf": "[Install]\nWantedBy=early.target\n",
    f"{USR}/reset.service.d/15.conf": "[Install]\nWantedBy=dropped.target\n",
    f"{USR}/plain@one.service.d/more.conf": "[Install]\nWantedBy=more.target\n",
    f"{USR}/lines.service": service("WantedBy=one.target \\", "# between.target", "  two.target", ";WantedBy=y.target"),
    f"{USR}/quoted.service": service("""WantedBy="one.target" 'two.target'"""),
    f"{USR}/case.service": service("wantedby=one.target", "WantedBy=two.target"),
    f"{USR}/spec-ified@.service": service("WantedBy=%i-%j-%p.target", "DefaultInstance=here", "DefaultInstance=there"),
    f"{USR}/in-itself.service": service("Alias=multi-user.target.wants/in-itself.service"),
    f"{USR}/replaced.service": service("WantedBy=vendor.target"),
    f"{ETC}/replaced.service": service("WantedBy=admin.target"),
    f"{USR}/disk.mount": "[Mount]\nWhat=/dev/x\nWhere=/disk\n[Install]\nWantedBy=local-fs.target\n",
    f"{USR}/nothing.service": "[Service]\nExecStart=/bin/true\n",
    f"{USR}/wrong.service": service("Alias=wrong.socket"),
    f"{USR}/wrongtoo@.service": service("Alias=wrong-%i.service"),
    f"{USR}/unknown.service": service("WantedBy=%Q.target"),
    f"{USR}/empty.service": "",
}
LINKS: Mapping[str, str] = {
    f"{USR}/othername.service": "wanted.service",
    f"{USR}/othername@.service": "plain@.service",
    f"{ETC}/hidden.service": "/dev/null",
}

# What leads where, after enabling each.
ENABLED: Mapping[str, Mapping[str, str]] = {
    "wanted.service": {"multi-user.target.wants/wanted.service": "wanted.service"},
    "several.service": {
        "one.target.wants/several.service": "several.service",
        "two.target.wants/several.service": "several.service",
        "three.target.requires/several.service": "several.service",
    },
    "upheld.service": {"multi-user.target.upholds/upheld.service": "upheld.service"},
    "named.service": {
        "other.service": "named.service",
        "third.service": "named.service",
        "multi-user.target.wants/named.service": "named.service",
    },
    "also.service": {
        "multi-user.target.wants/also.service": "also.service",
        "multi-user.target.wants/wanted.service": "wanted.service",
    },
    "default@.service": {"multi-user.target.wants/default@two.service": "default@.service"},
    "default@three.service": {"multi-user.target.wants/default@three.service": "default@.service"},
    "plain@a.b.service": {"multi-user.target.wants/plain@a.b.service": "plain@.service"},
    "plain@one.service": {
        "multi-user.target.wants/plain@one.service": "plain@.service",
        "more.target.wants/plain@one.service": "plain@.service",
    },
    "wantedbytemplate@.service": {"another@.target.wants/wantedbytemplate@.service": "wantedbytemplate@.service"},
    "namedtemplate@one.service": {
        "multi-user.target.wants/namedtemplate@one.service": "namedtemplate@.service",
        "other@one.service": "namedtemplate@.service",
    },
    "more.service": {
        "multi-user.target.wants/more.service": "more.service",
        "more.target.wants/more.service": "more.service",
    },
    "reset.service": {"admin.target.wants/reset.service": "reset.service"},
    "lines.service": {
        "one.target.wants/lines.service": "lines.service",
        "two.target.wants/lines.service": "lines.service",
    },
    "quoted.service": {
        "one.target.wants/quoted.service": "quoted.service",
        "two.target.wants/quoted.service": "quoted.service",
    },
    "case.service": {"two.target.wants/case.service": "case.service"},
    "spec-ified@.service": {
        "there-ified-spec-ified.target.wants/spec-ified@there.service": "spec-ified@.service",
    },
    "in-itself.service": {"multi-user.target.wants/in-itself.service": "in-itself.service"},
    "replaced.service": {"admin.target.wants/replaced.service": f"/{ETC}/replaced.service"},
    "disk.mount": {"local-fs.target.wants/disk.mount": "disk.mount"},
    "othername.service": {"multi-user.target.wants/wanted.service": "wanted.service"},
    "othername@two.service": {"multi-user.target.wants/plain@two.service": "plain@.service"},
    "nothing.service": {},
}
# systemctl refuses these too.
REFUSED: Mapping[str, str] = {
    "absent.service": "has no unit absent.service",
    "hidden.service": "hidden.service is masked",
    "empty.service": "empty.service is masked",
    "wrong.service": "wrong.service cannot have the alias wrong.socket",
    "wrongtoo@x.service": "wrongtoo@x.service cannot have the alias wrong-x.service",
    "unknown.service": "unknown.service says %Q",
}


def sample_tree(codename: str) -> Tree:
    tree = Tree()
    tree.write("etc/os-release", f"VERSION_CODENAME={codename}\n")
    tree.make_directory(ETC)
    tree.make_directory("usr/lib")
    tree.link("lib", "usr/lib")
    for path, text in FILES.items():
        tree.write(path, text)
    for path, target in LINKS.items():
        tree.link(path, target)
    return tree


def expected(unit: str, place: str = f"/{USR}") -> dict[str, str]:
    """The links of `unit` with their whole paths."""
    return {
        f"{ETC}/{link}": target if target.startswith("/") else f"{place}/{target}"
        for link, target in ENABLED[unit].items()
    }
