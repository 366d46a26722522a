"""The shapes of text in recipes: for each a pattern, a name, and words that say what is allowed.

Patterns keep to what Rust's, Python's and ECMAScript's regular expressions read alike: pydantic, tests and editors all
judge by them. A shape says nothing about existence; whether a version can be had is found out when locking.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import StringConstraints


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """`kind` names the shape in the reference, `meaning` completes the sentence 'it must be ...'."""

    kind: str
    meaning: str


# RFC 1123, section 2.1, as Kubernetes reads it: at most 63 characters.
_LABEL: Final = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_FILE_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_GO_VERSION: Final = r"^[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4}|rc[0-9]{1,3})$"
# The release part of PEP 440 with its pre-, post- and development suffixes.
_PYPI_VERSION: Final = r"^[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?$"
_SEMVER: Final = r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
_MODULE_VERSION: Final = r"^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+incompatible)?$"
# https://go.dev/ref/mod#go-mod-file-ident: path elements; the first is a host and holds a dot.
_MODULE_PATH: Final = r"^[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$"
_PACKAGE: Final = r"^\.(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"
# Inside the module, or an import path as _MODULE_PATH.
_GO_PACKAGE: Final = r"^(\.|[a-z0-9-]+(\.[a-z0-9-]+)+)(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$"
_TAG: Final = r"^[A-Za-z0-9_.]+$"
_VARIABLE: Final = r"^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*\.[A-Za-z_][A-Za-z0-9_]*$"
# The Go command splits -ldflags at spaces and lets quotes protect them, but has no way to write a quote itself.
_TEMPLATE: Final = r"^[ !#-&(-\[\]-~]*$"
_SIZE: Final = r"^[0-9]{1,9}(\.[0-9]{1,9})? ?([KMGT]iB|B)$"
# An absolute path without `.`, `..`, doubled or trailing slashes, safe in unit files and shell words.
_DEVICE_PATH: Final = r"^(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)+$"
_PAYLOAD_PATH: Final = r"^[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)*$"
_SOURCE_PATTERN: Final = r"^(\.|[A-Za-z0-9_*+-][A-Za-z0-9._*+-]*(/[A-Za-z0-9_*+-][A-Za-z0-9._*+-]*)*)$"
# Debian Policy 5.6.1; suites and components have the same letters.
_DEBIAN_NAME: Final = r"^[a-z0-9][a-z0-9+.-]+$"
_COMMAND_WORD: Final = r"^[A-Za-z0-9._=/:,-]+$"
_SHA256: Final = r"^[0-9a-f]{64}$"
# A recipe is shared, and what it says ends in manifests: no place for a password.
_URL: Final = r"^https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?$"
# As _URL, or an absolute path of this machine.
_MIRROR: Final = r"^(https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?|file:///[!-~]+)$"
# OpenPGP version 4 and 6, in hexadecimal digits.
_FINGERPRINT: Final = r"^([0-9A-F]{40}|[0-9A-F]{64})$"
# What jinja2 takes for one name.
_TEMPLATE_NAME: Final = r"^[a-z][a-z0-9_]{0,62}$"
# useradd(8) as Debian configures it, at most 32 characters.
_ACCOUNT: Final = r"^[a-z_][a-z0-9_-]{0,31}$"
_MODE: Final = r"^0[0-7]{3}$"
_COMMENT: Final = r"^[^:\n]*$"
_SSH_KEY: Final = (
    r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r" [A-Za-z0-9+/]+={0,3}( [ -~]*)?$"
)
_TIME_ZONE: Final = r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$"
_LOCALE: Final = r"^[A-Za-z]{1,8}(_[A-Z]{2})?(\.UTF-8)?(@[a-z]+)?$"
_SYSCTL: Final = r"^[a-z0-9_]+([./][A-Za-z0-9_*-]+)+$"
_SYSCTL_VALUE: Final = r"^[!-~]([ -~\t]*[!-~])?$"
_MODULE_NAME: Final = r"^[A-Za-z0-9_-]+$"
# systemd.unit(5).
_UNIT: Final = (
    r"^[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]*)?\.(service|socket|target|timer|path|mount|automount|swap|slice)$"
)
_IMAGE: Final = r"^[A-Za-z0-9.:\[\]/_@-]+$"
_IMAGE_USER: Final = r"^([0-9]{1,10}(:[0-9]{1,10})?)?$"
_PORT: Final = r"^[0-9]{1,5}(/(tcp|udp|sctp))?$"
_ENVIRONMENT: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
_IMAGE_LABEL: Final = r"^[a-z0-9]+([._/-][a-zA-Z0-9]+)*$"
_CAPABILITY: Final = r"^[a-z_]+$"
_LINE: Final = r"^[^\u0000-\u001f\u007f]*$"
# An absolute path in which `*`, `?` and `[...]` may stand for other text.
_FILE_PATTERN: Final = r"^(/[A-Za-z0-9_@+.*?\[\]-]+)+$"
PATH_PATTERN: Final = r"^[^\u0000-\u001f]+$"

SHAPES: Final[dict[str, Shape]] = {
    _LABEL: Shape(
        kind="DNS label",
        meaning="a DNS label: up to 63 lower-case letters, digits and '-', with a letter or digit at both ends",
    ),
    _FILE_NAME: Shape(
        kind="file name",
        meaning="a file name: up to 100 letters, digits, '.', '_' and '-', with a letter or digit in front",
    ),
    _GO_VERSION: Shape(kind="Go version", meaning="a Go release such as 1.26.8 or 1.27rc1"),
    _PYPI_VERSION: Shape(kind="Python package version", meaning="a version of a Python package, such as 1.27.3"),
    _SEMVER: Shape(kind="version", meaning="a semantic version such as 0.1.0 or 0.2.0-rc.1, without a 'v' in front"),
    _MODULE_VERSION: Shape(kind="Go module version", meaning="a Go module version such as v1.37.2"),
    _MODULE_PATH: Shape(kind="Go module path", meaning="a Go module path such as k8s.io/kubernetes"),
    _PACKAGE: Shape(kind="Go package", meaning="a package inside the module, such as ./cmd/kedge"),
    _GO_PACKAGE: Shape(
        kind="Go package or import path", meaning="a package such as ./cmd/cni or github.com/opencontainers/runc"
    ),
    _TAG: Shape(kind="Go build tag", meaning="a Go build tag: letters, digits, '_' and '.'"),
    _VARIABLE: Shape(
        kind="Go variable",
        meaning="a Go variable: import path, '.', name, such as k8s.io/component-base/version.gitVersion",
    ),
    _TEMPLATE: Shape(
        kind="template", meaning="printable ASCII without quotes and backslashes, which a linker flag cannot carry"
    ),
    _SIZE: Shape(kind="size", meaning="a number and a unit (B, KiB, MiB, GiB or TiB), such as '6 GiB'"),
    _DEVICE_PATH: Shape(
        kind="path on the device",
        meaning="an absolute path on the device, such as /var/lib/kedge: letters, digits and '._@+-' between slashes",
    ),
    _PAYLOAD_PATH: Shape(
        kind="relative path",
        meaning="a relative path such as usr/sbin/nft: letters, digits and '._@+-' between slashes",
    ),
    _SOURCE_PATTERN: Shape(
        kind="path in an archive", meaning="a relative path in an archive such as src/*.c, or '.' for its root"
    ),
    _DEBIAN_NAME: Shape(kind="Debian name", meaning="a name as Debian gives: lower-case letters, digits and '+-.'"),
    _COMMAND_WORD: Shape(
        kind="word of a command", meaning="one word of a command line: letters, digits and '._=/:,-', such as --single"
    ),
    _SHA256: Shape(kind="SHA-256", meaning="a SHA-256 digest as 64 lower-case hexadecimal digits"),
    _URL: Shape(kind="URL", meaning="an address that starts with http:// or https://, without user and password"),
    _MIRROR: Shape(
        kind="mirror", meaning="an address that starts with http://, https:// or file:///, without user and password"
    ),
    _FINGERPRINT: Shape(
        kind="fingerprint", meaning="an OpenPGP fingerprint: 40 (or 64) hexadecimal digits in upper case, no spaces"
    ),
    _ACCOUNT: Shape(
        kind="account name", meaning="a user's or group's name: lower-case letters, digits, '_' and '-', at most 32"
    ),
    _TEMPLATE_NAME: Shape(
        kind="template's name",
        meaning="a name such as log_level: lower-case letters, digits and '_', a letter in front",
    ),
    _MODE: Shape(kind="mode", meaning="permissions as '0' and three octal digits, such as '0640', in quotes"),
    _COMMENT: Shape(kind="comment", meaning="one line of text without colons"),
    _SSH_KEY: Shape(kind="SSH key", meaning="a public SSH key on one line, such as 'ssh-ed25519 AAAA... name'"),
    _TIME_ZONE: Shape(kind="time zone", meaning="a time zone such as Europe/Berlin"),
    _LOCALE: Shape(kind="locale", meaning="a locale such as C.UTF-8 or de_DE.UTF-8"),
    _SYSCTL: Shape(kind="kernel parameter", meaning="a kernel parameter such as net.ipv4.ip_forward"),
    _SYSCTL_VALUE: Shape(kind="kernel parameter's value", meaning="printable text; numbers stand in quotes: '1'"),
    _MODULE_NAME: Shape(kind="kernel module", meaning="a kernel module's name, such as br_netfilter"),
    _UNIT: Shape(kind="unit", meaning="a unit of systemd with its suffix, such as ssh.service"),
    _IMAGE: Shape(kind="image reference", meaning="a reference to an image, such as registry.example.com/team/app:1.2"),
    _IMAGE_USER: Shape(kind="user of an image", meaning="a number, or two with ':' between: 65535:65535"),
    _PORT: Shape(kind="port", meaning="a port such as '8080' or '53/udp', in quotes"),
    _ENVIRONMENT: Shape(kind="environment variable", meaning="a name of letters, digits and '_'"),
    _IMAGE_LABEL: Shape(kind="label", meaning="a label such as org.opencontainers.image.title"),
    _CAPABILITY: Shape(kind="capability", meaning="a capability in lower case without 'cap_': net_bind_service"),
    _FILE_PATTERN: Shape(
        kind="pattern of files", meaning="an absolute path, in which '*', '?' and '[...]' may stand for other text"
    ),
    _LINE: Shape(kind="line", meaning="one line of text without control characters"),
    PATH_PATTERN: Shape(kind="path", meaning="a path: not empty, and without control characters"),
}

DnsLabel = Annotated[str, StringConstraints(pattern=_LABEL)]
FileName = Annotated[str, StringConstraints(pattern=_FILE_NAME)]
GoVersion = Annotated[str, StringConstraints(pattern=_GO_VERSION)]
PyPiVersion = Annotated[str, StringConstraints(pattern=_PYPI_VERSION)]
SemVer = Annotated[str, StringConstraints(pattern=_SEMVER)]
ModuleVersion = Annotated[str, StringConstraints(pattern=_MODULE_VERSION)]
ModulePath = Annotated[str, StringConstraints(pattern=_MODULE_PATH)]
PackagePath = Annotated[str, StringConstraints(pattern=_PACKAGE)]
BuildTag = Annotated[str, StringConstraints(pattern=_TAG)]
VariableName = Annotated[str, StringConstraints(pattern=_VARIABLE)]
TemplateText = Annotated[str, StringConstraints(pattern=_TEMPLATE)]
SizeText = Annotated[str, StringConstraints(pattern=_SIZE)]
GoPackage = Annotated[str, StringConstraints(pattern=_GO_PACKAGE)]
PayloadPath = Annotated[str, StringConstraints(pattern=_PAYLOAD_PATH)]
SourcePattern = Annotated[str, StringConstraints(pattern=_SOURCE_PATTERN)]
FilePattern = Annotated[str, StringConstraints(pattern=_FILE_PATTERN)]
DebianName = Annotated[str, StringConstraints(pattern=_DEBIAN_NAME)]
DevicePath = Annotated[str, StringConstraints(pattern=_DEVICE_PATH)]
CommandWord = Annotated[str, StringConstraints(pattern=_COMMAND_WORD)]
Sha256Hex = Annotated[str, StringConstraints(pattern=_SHA256)]
UrlText = Annotated[str, StringConstraints(pattern=_URL)]
MirrorText = Annotated[str, StringConstraints(pattern=_MIRROR)]
Fingerprint = Annotated[str, StringConstraints(pattern=_FINGERPRINT)]
AccountName = Annotated[str, StringConstraints(pattern=_ACCOUNT)]
TemplateName = Annotated[str, StringConstraints(pattern=_TEMPLATE_NAME)]
ModeText = Annotated[str, StringConstraints(pattern=_MODE)]
CommentText = Annotated[str, StringConstraints(pattern=_COMMENT)]
SshKey = Annotated[str, StringConstraints(pattern=_SSH_KEY)]
TimeZone = Annotated[str, StringConstraints(pattern=_TIME_ZONE)]
LocaleName = Annotated[str, StringConstraints(pattern=_LOCALE)]
SysctlName = Annotated[str, StringConstraints(pattern=_SYSCTL)]
SysctlValue = Annotated[str, StringConstraints(pattern=_SYSCTL_VALUE)]
ModuleName = Annotated[str, StringConstraints(pattern=_MODULE_NAME)]
UnitName = Annotated[str, StringConstraints(pattern=_UNIT)]
ImageName = Annotated[str, StringConstraints(pattern=_IMAGE)]
ImageUser = Annotated[str, StringConstraints(pattern=_IMAGE_USER)]
PortText = Annotated[str, StringConstraints(pattern=_PORT)]
EnvironmentName = Annotated[str, StringConstraints(pattern=_ENVIRONMENT)]
LabelName = Annotated[str, StringConstraints(pattern=_IMAGE_LABEL)]
CapabilityName = Annotated[str, StringConstraints(pattern=_CAPABILITY)]
LineText = Annotated[str, StringConstraints(pattern=_LINE)]
