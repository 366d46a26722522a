"""Which modules a kernel needs for a purpose, and in which order they are loaded: by the indexes that depmod made."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from builder.core.errors import BuilderError
from builder.core.nearest import did_you_mean

_SUFFIX = re.compile(r"\.ko(\.(gz|xz|zst))?$")
_WORDS_OF_A_RELATION = 2
_MOST_MODULES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleIndex:
    """A kernel's modules by name (`-` written `_`): the path of each, what it needs, what it would like loaded before.

    `aliases` are other names; one may stand for several modules. `builtin` are those that the kernel has inside.
    """

    paths: Mapping[str, str]
    needs: Mapping[str, tuple[str, ...]]
    wishes: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, tuple[str, ...]]
    builtin: frozenset[str]

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> "ModuleIndex":
        """The index in `texts`: the files `modules.dep`, `modules.softdep`, `modules.alias` and `modules.builtin` by name."""
        paths: dict[str, str] = {}
        needs: dict[str, tuple[str, ...]] = {}
        for line in texts["modules.dep"].splitlines():
            path, _, others = line.partition(":")
            paths[module_name(path)] = path
            needs[module_name(path)] = tuple(module_name(one) for one in others.split())
        return cls(
            paths=paths,
            needs=needs,
            wishes=_wishes(texts.get("modules.softdep", "")),
            aliases=_aliases(texts.get("modules.alias", "")),
            builtin=frozenset(module_name(line) for line in texts.get("modules.builtin", "").splitlines()),
        )

    def order(self, wanted: Mapping[str, str]) -> list[str]:
        """The paths of all modules that `wanted` (names with where each is asked for) takes, each behind what it needs.

        What is built in needs none. `BuilderError` tells all that the kernel does not have.
        """
        missing = [(name, where) for name, where in wanted.items() if not self._known(module_name(name))]
        if missing:
            raise BuilderError(
                "the kernel lacks modules that the initrd is to have",
                details=[f"{where}: there is no module {name!r}{self._near(name)}" for name, where in missing],
                hint="correct the name, or leave it out where the kernel has this built in under another name",
            )
        order = _Order(index=self)
        for name in wanted:
            for module in self._modules(module_name(name)):
                order.add(module)
        return [self.paths[name] for name in order.found]

    def _known(self, name: str) -> bool:
        return name in self.builtin or bool(self._modules(name))

    def _modules(self, name: str) -> Sequence[str]:
        return (name,) if name in self.paths else self.aliases.get(name, ())

    def _near(self, name: str) -> str:
        """What else may be meant; a kernel has thousands of modules, too many to list."""
        return did_you_mean(module_name(name), sorted({*self.paths, *self.builtin}), most=_MOST_MODULES)


@dataclass(slots=True, kw_only=True)
class _Order:
    """Gathers modules, each behind what it needs; a wish that leads back to itself is left out."""

    index: ModuleIndex
    found: dict[str, None] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    def add(self, name: str) -> None:
        if name in self.found or name in self.open:
            return
        self.open.add(name)
        for wish in self.index.wishes.get(name, ()):
            for module in (wish,) if wish in self.index.paths else self.index.aliases.get(wish, ()):
                self.add(module)
        # depmod lists what is loaded first last.
        for need in reversed(self.index.needs[name]):
            self.add(need)
        self.found[name] = None


def module_name(path: str) -> str:
    """What the kernel calls the module in the file at `path`, or of the name `path`."""
    return _SUFFIX.sub("", posixpath.basename(path)).replace("-", "_")


def _wishes(text: str) -> dict[str, tuple[str, ...]]:
    """What `softdep NAME pre: A B post: C` asks for."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > _WORDS_OF_A_RELATION and words[0] == "softdep":
            named = tuple(module_name(word) for word in words[2:] if not word.endswith(":"))
            found[module_name(words[1])] = (*found.get(module_name(words[1]), ()), *named)
    return found


def _aliases(text: str) -> dict[str, tuple[str, ...]]:
    """Other names of modules; patterns, which hardware is matched with, are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for line in _relations(text):
        alias, name = line
        if not set(alias) & set("*?[:"):
            key = alias.replace("-", "_")
            found[key] = (*found.get(key, ()), module_name(name))
    return found


def _relations(text: str) -> Iterable[tuple[str, str]]:
    for line in text.splitlines():
        words = line.split()
        if len(words) == _WORDS_OF_A_RELATION + 1 and words[0] == "alias":
            yield words[1], words[2]
