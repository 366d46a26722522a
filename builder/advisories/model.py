"""What databases of vulnerabilities are asked, and what they answer."""

from dataclasses import dataclass
from enum import IntEnum

from packageurl import PackageURL

GO, DEBIAN = "Go", "Debian"
_PURL_TYPES = {"golang": GO, "deb": DEBIAN}


class Severity(IntEnum):
    """How bad it is; nobody has judged what is `UNKNOWN`, which counts like `HIGH`."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    UNKNOWN = 3
    HIGH = 4
    CRITICAL = 5

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A part of what was shipped, as databases call it: Go's modules by path, Debian's packages by their source.

    `release` is the code name of Debian's release. `purl` is that of the bill, `package` the name there.
    """

    ecosystem: str
    name: str
    version: str
    release: str
    package: str
    purl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """A vulnerability that a product has; `fixed` is the version without it, empty where there is none yet."""

    identity: str
    aliases: tuple[str, ...]
    summary: str
    severity: Severity
    fixed: str
    product: Product

    @property
    def names(self) -> frozenset[str]:
        """Everything that it is called."""
        return frozenset((self.identity, *self.aliases))


def product_of(purl_text: str) -> Product | None:
    """The product with this package URL; None where no database here knows things of its kind."""
    purl = PackageURL.from_string(purl_text)
    ecosystem = _PURL_TYPES.get(purl.type)
    if ecosystem is None or not purl.version:
        return None
    qualifiers: dict[str, str] = dict(purl.qualifiers)
    package = f"{purl.namespace}/{purl.name}" if purl.namespace and ecosystem == GO else purl.name
    name, _, version = qualifiers.get("upstream", "").partition("@")
    return Product(
        ecosystem=ecosystem,
        name=name or package,
        version=version or purl.version,
        release=qualifiers.get("distro", ""),
        package=package,
        purl=purl_text,
    )
