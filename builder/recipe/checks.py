"""What must hold between values of a recipe; judged on the tree, so that it is told together with everything else."""

from collections.abc import Iterator

from builder.core.arch import Arch
from builder.core.nearest import did_you_mean, suggestion
from builder.core.output import Output
from builder.debian.mirrors import MAIN_ARCHIVE, SECURITY_ARCHIVE
from builder.formats.yaml_tree import ListNode, MapNode, Node, Problem, ScalarNode
from builder.recipe.image_checks import image_mistakes
from builder.recipe.images_checks import images_mistakes
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.lookup import entries_of, is_there, items_of, mapping_at, names_of, value_at
from builder.recipe.merge import is_null
from builder.recipe.rootfs_checks import rootfs_mistakes
from builder.recipe.templates import template_mistakes


def check_tree(root: MapNode) -> list[Problem]:
    """The problems of `root` that no single value shows."""
    cluster = mapping_at(root, "cluster")
    components = mapping_at(cluster, "components")
    problems = list(_useless_nulls(root, ()))
    problems += _wrong_templates(cluster, ("cluster",), components)
    problems += _wrong_helpers(cluster, components)
    problems += _missing_archive(root, cluster)
    problems += _modules_given_twice(components)
    problems += _wrong_imports(root, mapping_at(cluster, "executables"))
    problems += _missing_for_rootfs(root)
    problems += rootfs_mistakes(mapping_at(root, "rootfs"))
    problems += images_mistakes(root)
    problems += image_mistakes(root)
    problems += _taken_archives(mapping_at(root, "debian"))
    return problems


def _useless_nulls(node: MapNode, path: KeyPath) -> Iterator[Problem]:
    given = [key for key, entry in node.entries.items() if is_there(entry.value)]
    for key, entry in node.entries.items():
        # Below a variable there is nothing but text; `{name}` without quotes is a mapping to YAML, and told as such.
        if isinstance(entry.value, MapNode) and path[-1:] != ("variables",):
            yield from _useless_nulls(entry.value, (*path, key))
        elif is_null(entry.value):
            message = "has no value, and there is no inherited one that null could drop"
            yield Problem(
                place=entry.key_place,
                message=f"{format_key_path((*path, key))}: {message}{did_you_mean(key, given)}",
            )


def _wrong_templates(section: MapNode | None, path: KeyPath, components: MapNode | None) -> Iterator[Problem]:
    variables = mapping_at(section, "variables")
    for name, entry in entries_of(variables).items():
        yield from _wrong_template(entry.value, (*path, "variables", name), components)


def _wrong_template(node: Node | None, path: KeyPath, components: MapNode | None) -> Iterator[Problem]:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        for mistake in template_mistakes(node.value, names_of(components)):
            yield Problem(place=node.place, message=f"{format_key_path(path)}: {mistake}")


def _wrong_helpers(cluster: MapNode | None, components: MapNode | None) -> Iterator[Problem]:
    helpers, known = mapping_at(cluster, "helpers"), names_of(mapping_at(cluster, "libraries"))
    for name in names_of(helpers):
        helper, path = mapping_at(helpers, name), ("cluster", "helpers", name)
        yield from _wrong_template(value_at(helper, "version"), (*path, "version"), components)
        yield from _wrong_templates(helper, path, components)
        libraries = value_at(helper, "libraries")
        for index, node in enumerate(libraries.items if isinstance(libraries, ListNode) else ()):
            if isinstance(node, ScalarNode) and node.text not in known:
                where = format_key_path((*path, "libraries", index))
                what = f"unknown library {node.text!r}{suggestion(node.text, 'known', known)}"
                yield Problem(place=node.place, message=f"{where}: {what}")


def _missing_archive(root: MapNode, cluster: MapNode | None) -> Iterator[Problem]:
    """Parts that come out of Debian's archive, where the recipe does not say which suites are meant."""
    if is_there(value_at(root, "debian")):
        yield from _missing_suites(root, cluster)
        return
    for key in ("libraries", "closed_sets"):
        for name in names_of(mapping_at(cluster, key)):
            message = f"cluster.{key}.{name}: comes out of Debian's archive, but the section debian is missing"
            yield Problem(place=entries_of(mapping_at(cluster, key))[name].key_place, message=message)


def _missing_suites(root: MapNode, cluster: MapNode | None) -> Iterator[Problem]:
    """Architectures that packages are wanted for, and that no suite is named for."""
    suites, wanted = names_of(mapping_at(mapping_at(root, "debian"), "suites")), value_at(root, "architectures")
    if not names_of(mapping_at(cluster, "closed_sets")):
        return
    for node in wanted.items if isinstance(wanted, ListNode) else ():
        if isinstance(node, ScalarNode) and node.text in set(Arch) and node.text not in suites:
            message = f"architectures: closed sets for {node.text} need debian.suites.{node.text}, which is missing"
            yield Problem(place=node.place, message=message)


def _missing_for_rootfs(root: MapNode) -> Iterator[Problem]:
    """Sections that root file systems are made from, where they are wanted."""
    output = next((node for node in items_of(root, "outputs") if node.text in (Output.ROOTFS, Output.IMAGE)), None)
    if output is None:
        return
    debian = mapping_at(root, "debian")
    needed = {"rootfs": value_at(root, "rootfs"), "debian": debian}
    needed |= {"debian.tools": value_at(debian, "tools")} if debian else {}
    for key, value in needed.items():
        if not is_there(value):
            message = f"outputs: root file systems need the section {key}, which is missing"
            yield Problem(place=output.place, message=message)
    suites = names_of(mapping_at(debian, "suites"))
    for node in items_of(root, "architectures") if debian else ():
        if node.text in set(Arch) and node.text not in suites:
            message = (
                f"architectures: root file systems for {node.text} need debian.suites.{node.text}, which is missing"
            )
            yield Problem(place=node.place, message=message)


def _taken_archives(debian: MapNode | None) -> Iterator[Problem]:
    for name, entry in entries_of(mapping_at(debian, "repositories")).items():
        if name in (MAIN_ARCHIVE, SECURITY_ARCHIVE):
            message = f"debian.repositories.{name}: this is the name of an archive of Debian's; choose another"
            yield Problem(place=entry.key_place, message=message)


def _modules_given_twice(components: MapNode | None) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, component in entries_of(components).items():
        if not isinstance(component.value, MapNode):
            continue
        for node in _modules_of(component.value):
            owner = seen.setdefault(node.text, name)
            if owner != name:
                message = f"cluster.components.{name}: the module {node.text} takes its version from {owner} already"
                yield Problem(place=node.place, message=message)


def _modules_of(component: MapNode) -> Iterator[ScalarNode]:
    for key in ("module", "together"):
        entry = component.entries.get(key)
        value = entry.value if entry else None
        for node in value.items if isinstance(value, ListNode) else (value,):
            if isinstance(node, ScalarNode) and isinstance(node.value, str):
                yield node


def _wrong_imports(root: MapNode, executables: MapNode | None) -> Iterator[Problem]:
    """Imported executables with no origin or two, and architectures that none is there for."""
    if executables is None:
        return
    for arch, entry in executables.entries.items():
        if isinstance(entry.value, MapNode):
            given = [key for key in ("file", "url") if is_there(value_at(entry.value, key))]
            if len(given) != 1:
                message = f"cluster.executables.{arch}: needs either file or url{', not both' if given else ''}"
                yield Problem(place=entry.key_place, message=message)
    wanted = value_at(root, "architectures")
    for node in wanted.items if isinstance(wanted, ListNode) else ():
        if isinstance(node, ScalarNode) and node.text in set(Arch) and not is_there(value_at(executables, node.text)):
            message = f"architectures: {node.text} has no executable: cluster.executables.{node.text} is missing"
            yield Problem(place=node.place, message=message)
