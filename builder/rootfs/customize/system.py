"""Settings of the system: time zone, locale, kernel parameters, kernel modules."""

import re
from collections.abc import Iterator, Mapping, Sequence

from builder.core.errors import BuilderError
from builder.core.nearest import did_you_mean
from builder.rootfs.customize.hardlinks import detach
from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind, Tree

_ZONES = "usr/share/zoneinfo"
_MODULES = "usr/lib/modules"
_MODULE = re.compile(r"\.ko(?:\.(?:gz|xz|zst))?$")
UTC = "Etc/UTC"
# It is part of the C library.
BUILTIN_LOCALE = re.compile(r"C(\.UTF-8)?|POSIX")
_COMPILED_LOCALES = "usr/lib/locale"
# More zones, locales and modules than this no image has.
_MOST = 20_000


def set_time_zone(image: Image, zone: str) -> None:
    """Link /etc/localtime, and write /etc/timezone where the suite still has it (tzdata's postinst)."""
    tree = image.tree
    if not tree.is_directory(_ZONES):
        if zone == UTC:
            return  # what systems have that know of no time zones
        raise BuilderError(f"the time zone {zone} needs the package tzdata, which the image does not have")
    node = tree.get(f"{_ZONES}/{zone}", follow=True)
    if node is None or node.kind is Kind.DIRECTORY:
        raise BuilderError(f"tzdata has no time zone {zone}{did_you_mean(zone, _zones(tree), most=_MOST)}")
    _link(tree, "etc/localtime", f"/{_ZONES}/{zone}")
    if tree.exists("etc/timezone"):
        _write(tree, "etc/timezone", f"{zone}\n")


def _zones(tree: Tree) -> Iterator[str]:
    for path in tree.below(_ZONES):
        name = path.removeprefix(f"{_ZONES}/")
        if (
            tree.nodes[path].kind is not Kind.DIRECTORY
            and not name.startswith(("posix/", "right/"))
            and name[0].isupper()
        ):
            yield name


def set_locale(image: Image, locale: str) -> None:
    """Write `LANG` where the suite keeps it: /etc/default/locale on Debian 12, /etc/locale.conf on 13."""
    tree = image.tree
    if not BUILTIN_LOCALE.fullmatch(locale):
        _require_locale(tree, locale)
    path = "etc/default/locale" if image.codename == "bookworm" else "etc/locale.conf"
    _write(tree, path, f"LANG={locale}\n")


def _require_locale(tree: Tree, locale: str) -> None:
    compiled = tree.children(_COMPILED_LOCALES) if tree.is_directory(_COMPILED_LOCALES) else []
    names = [name.replace(".utf8", ".UTF-8") for name in compiled]
    if locale in names:
        return
    if len(names) > 1:
        raise BuilderError(f"there is no locale {locale}{did_you_mean(locale, names, most=_MOST)}")
    raise BuilderError(
        f"the locale {locale} needs the package locales-all: the package locales has only what locales are made from"
    )


def set_sysctl(tree: Tree, parameters: Mapping[str, str], *, name: str) -> None:
    """Write kernel parameters for systemd-sysctl, after those of packages (sysctl.d(5))."""
    if parameters:
        lines = [f"{key} = {value}\n" for key, value in sorted(parameters.items())]
        _write(tree, f"etc/sysctl.d/60-{name}.conf", "".join(lines))


def load_modules(tree: Tree, modules: Sequence[str], *, name: str) -> list[str]:
    """Have kernel modules loaded at boot (modules-load.d(5)); a problem for each that a kernel of the image lacks."""
    problems = []
    kernels = tree.children(_MODULES) if tree.is_directory(_MODULES) else []
    for kernel in kernels:
        known = set(_known_modules(tree, f"{_MODULES}/{kernel}"))
        problems += [
            f"rootfs.modules: the kernel {kernel} has no module {module}{did_you_mean(module, known, most=_MOST)}"
            for module in modules
            if known and module.replace("-", "_") not in known
        ]
    if modules and not problems:
        _write(tree, f"etc/modules-load.d/60-{name}.conf", "".join(f"{module}\n" for module in modules))
    return problems


def _known_modules(tree: Tree, directory: str) -> Iterator[str]:
    """The names of a kernel's modules, built into it or not, with the underscores that the kernel gives them."""
    for index in ("modules.dep", "modules.builtin"):
        if tree.exists(f"{directory}/{index}"):
            for line in tree.text(f"{directory}/{index}").splitlines():
                path = line.partition(":")[0]
                yield _MODULE.sub("", path.rpartition("/")[2]).replace("-", "_")


def _write(tree: Tree, path: str, text: str) -> None:
    """Write a file, the directory that an overlay has in its place apart."""
    node = tree.get(path)
    if node is not None and node.kind is Kind.DIRECTORY:
        raise BuilderError(f"/{path} is to be a file, but {node.owner} has a directory there")
    detach(tree, tree.resolve(path))
    tree.write(path, text)


def _link(tree: Tree, path: str, target: str) -> None:
    detach(tree, tree.resolve(path))
    tree.link(path, target)
