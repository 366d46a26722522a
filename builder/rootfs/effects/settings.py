"""Effects that put several packages' pieces into one file: shells, PAM, certificates, units of systemd."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from builder.formats.deb822 import Stanza, parse_stanza
from builder.rootfs.effects.base import Effect, Image, Phase
from builder.rootfs.effects.certificates import write_certificates

_PROFILES = "usr/share/pam-configs"
_KINDS = ("auth", "account", "password", "session", "session-noninteractive")


class PamAuthUpdate(Effect):
    """Debian's common PAM files out of the profiles of packages (pam-auth-update(8))."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        tree = image.tree
        names = tree.children(_PROFILES) if tree.is_directory(_PROFILES) else []
        profiles = sorted((_profile(image, name) for name in names), key=lambda one: (-one.priority, one.name))
        enabled = [one for one in profiles if one.fields.get("default", "no").strip() == "yes"]
        for kind in _KINDS:
            text = tree.text(f"usr/share/pam/common-{kind}")
            common, saved = _merge(kind, enabled, text)
            tree.write(f"etc/pam.d/common-{kind}", common)
            tree.write(f"var/lib/pam/{kind}", saved)
        tree.write("var/lib/pam/seen", "".join(f"{one.name}\n" for one in profiles))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    name: str
    priority: int
    fields: Stanza

    def lines(self, kind: str, *, first: bool) -> list[str]:
        """The lines for a kind of PAM file; the first module of a stack may want others."""
        prefix = "session" if kind.startswith("session") else kind
        text = (first and self.fields.get(f"{prefix}-initial")) or self.fields.get(prefix, "")
        return [line.lstrip() for line in text.strip("\n").splitlines() if line.strip()]

    def stands_in(self, kind: str, position: str) -> bool:
        """Whether it has something for `position` (`Primary`, `Additional`) of a kind of PAM file."""
        prefix = "session" if kind.startswith("session") else kind
        if kind == "session-noninteractive" and self.fields.get("session-interactive-only", "no").strip() == "yes":
            return False
        return self.fields.get(f"{prefix}-type", "").strip() == position and prefix in self.fields


def _profile(image: Image, name: str) -> _Profile:
    fields = parse_stanza(image.tree.read(f"{_PROFILES}/{name}").strip(b"\n"), where=f"{_PROFILES}/{name}")
    return _Profile(name=name, priority=int(fields.get("priority", "0")), fields=fields)


def _merge(kind: str, profiles: Sequence[_Profile], template: str) -> tuple[str, str]:
    """The common file of `kind`, and what pam-auth-update remembers of it."""
    word = kind.partition("-")[0]
    variable = "session_nonint" if kind == "session-noninteractive" else word
    saved: list[str] = []
    for position in ("Primary", "Additional"):
        lines: list[str] = []
        stack = [one for one in profiles if one.stands_in(kind, position)]
        for index, profile in enumerate(stack):
            wanted = profile.lines(kind, first=index == 0)
            saved += [f"Module: {profile.name}", *wanted]
            left = str(len(stack) - index)
            lines += [_spaced(re.sub(r"\bend\b", left, line) if position == "Primary" else line) for line in wanted]
        if not stack and position == "Primary":
            # Without it a stack of modules that only ignore would deny everybody.
            lines = ["[default=1]\t\t\tpam_permit.so"]
            saved += ["Module: null", *lines]
        block = "".join(f"{word}\t{line}\n" for line in lines)
        template = _put(template, f"${variable}_{position.lower()}\n", block)
    return template, "".join(f"{line}\n" for line in saved)


def _spaced(line: str) -> str:
    """A line as pam-auth-update writes it: a space stands between module and options, also where there are none."""
    match = re.fullmatch(r"((?:\[[^]]*\]|\S+)\s+\S+)\s*(.*)", line)
    return f"{match[1]} {match[2]}" if match else line


def _put(template: str, line: str, block: str) -> str:
    """`template` with `block` in the place of `line`."""
    before, _, after = f"\n{template}".partition(f"\n{line}")
    return f"{before}\n{block}{after}".removeprefix("\n")


class Shell(Effect):
    """A login shell that is told to add-shell(8); /etc/shells is written by `update_shells`."""

    path: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        image.note("shells", self.path)


class UpdateShells(Effect):
    """/etc/shells out of the lists in usr/share/debianutils/shells.d (update-shells(8))."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        tree, directory = image.tree, "usr/share/debianutils"
        base = tree.text(f"{directory}/shells")
        lists = tree.children(f"{directory}/shells.d") if tree.is_directory(f"{directory}/shells.d") else []
        texts = [base, *(tree.text(f"{directory}/shells.d/{name}") for name in lists)]
        lines = [line.partition("#")[0].strip() for text in texts for line in text.splitlines()]
        managed = dict.fromkeys(_both_names([line for line in lines if line]))
        added = [shell for shell in managed if shell not in base.split()]
        added += [row[0] for row in image.notes.get("shells", []) if row[0] not in (*base.split(), *added)]
        tree.write("etc/shells", base + "".join(f"{shell}\n" for shell in added))
        tree.write("var/lib/shells.state", "".join(f"{shell}\n" for shell in managed))


def _both_names(shells: Sequence[str]) -> Iterator[str]:
    """/bin and /usr/bin are one directory, and users are compared by name."""
    for shell in shells:
        yield shell
        if shell.startswith("/bin/"):
            yield f"/usr{shell}"


class CaCertificates(Effect):
    """The bundle and the links of certificates that update-ca-certificates(8) makes, links by hash among them."""

    phase: ClassVar[Phase] = Phase.DATABASES

    header: str = ""

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        write_certificates(image, self.header)
