"""Catalogs that many packages add lines to: XML's and SGML's, ucf's database, directories below usr/local."""

import hashlib
import shlex
from itertools import pairwise
from typing import ClassVar

from builder.core.errors import BuilderError
from builder.rootfs.effects.base import Effect, Image, Phase
from builder.rootfs.effects.files import Mode

_XML, _UCF = "xml", "ucf"
_XML_HEAD = """\
<?xml version="1.0"?>
<!DOCTYPE catalog PUBLIC "-//OASIS//DTD XML Catalogs V1.0//EN"
  "file:///usr/share/xml/schema/xml-core/catalog.dtd">
<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">
"""
_SUPERCATALOG = """\
--
## This file is created by update-catalog with update-super.
## Please see update-catalog(8) for how to modify this file.
--
"""


class XmlCatalog(Effect):
    """Lines of `update-xmlcatalog --add`: type, id and package of an entry, and the catalog that it leads to, or the root."""

    commands: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        for command in self.commands.splitlines():
            self._note(image, command)

    def _note(self, image: Image, command: str) -> None:
        words = shlex.split(command)
        given = dict(pairwise(words))
        kind, name, owner = (given.get(f"--{option}", "") for option in ("type", "id", "package"))
        if kind not in ("public", "system") or not name or not owner:
            raise BuilderError(f"an entry of XML catalogs is given as {command!r}")
        if "--root" in words:
            image.note(_XML, "catalog", kind, name, f"/etc/xml/{owner}.xml")
        else:
            image.note(_XML, f"{owner}.xml", kind, name, given["--local"])


class WriteXmlCatalogs(Effect):
    """Writes the catalogs with all entries of all packages (update-xmlcatalog(8))."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        files: dict[str, set[tuple[str, str]]] = {}
        for file, kind, name, target in image.notes.get(_XML, []):
            entry = f'<delegate{kind.capitalize()} {kind}IdStartString="{name}"'
            files.setdefault(file, set()).add((entry, f'catalog="file://{target}"'))
        for file, entries in files.items():
            lines = "".join(f"{entry} {target}/>\n" for entry, target in sorted(entries))
            image.tree.write(f"etc/xml/{file}", f"{_XML_HEAD}{lines}</catalog>\n")
            # What the tool itself reads the next time.
            records = "".join(f"{entry}><{target}>\n" for entry, target in sorted(entries))
            image.tree.write(f"var/lib/xml-core/{file.removesuffix('.xml')}", records)


class SgmlCatalog(Effect):
    """The catalog of all SGML catalogs in etc/sgml (update-catalog --update-super)."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        names = [name for name in image.tree.children("etc/sgml") if name.endswith(".cat")]
        lines = "".join(f"CATALOG /etc/sgml/{name}\n" for name in names)
        image.tree.write("var/lib/sgml-base/supercatalog", _SUPERCATALOG + lines)
        image.tree.link("etc/sgml/catalog", "/var/lib/sgml-base/supercatalog")


class Ucf(Effect):
    """A configuration file that ucf(1) keeps: a copy of `source` at `path`, known to ucf's database."""

    path: str
    source: str
    mode: Mode = 0o644

    def apply(self, image: Image, package: str) -> None:
        """See `Effect`."""
        image.tree.write(self.path, image.tree.read(self.source), mode=self.mode)
        image.note(_UCF, self.path, package, f"{self.mode:o}")


class WriteUcfDatabase(Effect):
    """ucf's records: the MD5 of each file as it came, whose it is, and a copy to compare with later."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        tree, rows = image.tree, sorted(image.notes.get(_UCF, []))
        digests = {path: hashlib.md5(tree.read(path), usedforsecurity=False).hexdigest() for path, _, _ in rows}
        tree.write("var/lib/ucf/hashfile", "".join(f"{digests[path]}  {path}\n" for path, _, _ in rows))
        tree.write("var/lib/ucf/registry", "".join(f"{owner} \t {path}\n" for path, owner, _ in rows))
        tree.make_directory("var/lib/ucf/cache")
        for path, _, mode in rows:
            tree.write(f"var/lib/ucf/cache/{path.replace('/', ':')}", tree.read(path), mode=int(mode, 8))


class UsrLocal(Effect):
    """Directories below usr/local, a line each: path, then `default` or mode, user and group."""

    lines: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        for line in self.lines.splitlines():
            path, mode, *owners = [*line.split(), "default"]
            if mode == "default":
                image.tree.make_directory(path)
            else:
                uid, gid = image.accounts.ids(owners[0], owners[1])
                image.tree.make_directory(path, mode=int(mode, 8), uid=uid, gid=gid)
