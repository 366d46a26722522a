"""What licences ask for: their texts in one archive, and where the sources are."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard
from packageurl import PackageURL

from builder.app.release.bill import Biller
from builder.app.release.made import Made
from builder.debian.pins import PinnedFile
from builder.formats.tar import TarMember, end_bytes, header_bytes, padding_bytes
from builder.sbom.component import Kind
from builder.steps.kinds.legal import COMMON, PACKAGE_FILE

_LEVEL = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Legal:
    """The licences' part of what was `made`."""

    made: Made
    biller: Biller

    def texts(self) -> dict[str, bytes]:
        """Every licence's text, by where it lies in the archive."""
        return dict(sorted((*self._packages(), *self._modules(), *self._toolchains())))

    def archive(self) -> bytes:
        """All texts as a tar archive, compressed with zstd; the same for the same texts."""
        written, epoch_s = io.BytesIO(), self.made.workspace.lock.epoch_s
        for name, data in self.texts().items():
            written.write(header_bytes(TarMember(name=name, type="0", size_bytes=len(data), mtime_s=epoch_s)))
            written.write(data + padding_bytes(len(data)))
        written.write(end_bytes(written.tell()))
        return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(written.getvalue())

    def sources(self) -> bytes:
        """`sources.json`: of every package and module the source that it was made of, by its package URL."""
        rows: dict[str, Mapping[str, str]] = {}
        for shipped in self.made.shipped.values():
            for pin, _ in shipped.pins:
                told = self.made.described(pin)
                source, version = told.get("source", pin.name), told.get("source_version", pin.version)
                rows[f"{pin.name} {pin.version} {pin.architecture}"] = {
                    "package": pin.name,
                    "version": pin.version,
                    "architecture": pin.architecture,
                    "source": source,
                    "source_version": version,
                    "purl": PackageURL("deb", "debian", source, version, {"arch": "source"}).to_string(),
                }
        for path, version in self._linked():
            namespace, _, name = path.rpartition("/")
            purl = PackageURL("golang", namespace or None, name, version).to_string()
            rows[f"{path}@{version}"] = {"module": path, "version": version, "purl": purl}
        lines = [json.dumps(row, ensure_ascii=False) for _, row in sorted(rows.items())]
        return ("[\n" + ",\n".join(lines) + "\n]\n").encode()

    def _packages(self) -> Iterator[tuple[str, bytes]]:
        """By package; those of one source may share the file of one of them."""
        for shipped in self.made.shipped.values():
            pins = {pin.name: pin for pin, _ in shipped.pins}
            for pin, _ in shipped.pins:
                owner = pins.get(self.made.described(pin).get("copyright_of", ""), pin)
                for file in self._files(owner):
                    place = f"{pin.name}_{pin.version}/" if file.parent.name != COMMON else f"{COMMON}/"
                    yield f"debian/{place}{file.name}", file.read_bytes()

    def _files(self, pin: PinnedFile) -> list[Path]:
        """The files that were taken out of a package, or of C sources."""
        step = self.made.legal.packages.get(pin.sha256) or self.made.legal.sources[pin.sha256]
        found = self.made.output(step).rglob("*")
        return sorted(path for path in found if path.is_file() and path.name != PACKAGE_FILE)

    def _modules(self) -> Iterator[tuple[str, bytes]]:
        linked = {f"{path}@{version}" for path, version in self._linked()}
        for step in self.made.legal.modules:
            root = self.made.output(step)
            for file in sorted(root.rglob("*")):
                name = str(file.relative_to(root))
                if file.is_file() and str(Path(name).parent) in linked:
                    yield f"go/{name}", file.read_bytes()

    def _toolchains(self) -> Iterator[tuple[str, bytes]]:
        for name, step in self.made.legal.toolchains.items():
            root = self.made.output(step)
            for file in sorted(root.rglob("*")):
                if file.is_file():
                    yield f"toolchains/{name}/{file.relative_to(root)}", file.read_bytes()

    def _linked(self) -> Iterator[tuple[str, str]]:
        """Go modules that are part of a program, but those of the checkout."""
        for target in self.made.targets:
            for program in self.biller.programs(target):
                for part in program.parts:
                    if part.kind is Kind.GO_MODULE and part.version and part.name != "stdlib":
                        yield part.name, part.version
