"""Customizes an image: everything that is laid over its packages, in the order that the parts need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.errors import BuilderError, RecipeError
from builder.rootfs.customize.accounts import add_accounts, add_homes
from builder.rootfs.customize.changes import Change, Changes
from builder.rootfs.customize.model import Customization
from builder.rootfs.customize.place import Placing
from builder.rootfs.customize.system import load_modules, set_locale, set_sysctl, set_time_zone
from builder.rootfs.customize.units import set_units
from builder.rootfs.effects.base import Image
from builder.rootfs.slim import Slimming

_SLIM = "slim/"


@dataclass(slots=True, kw_only=True)
class Customizer:
    """Lays `wanted` over `image`. `contents` are the step's sources by name, `shown` how people know them."""

    image: Image
    wanted: Customization
    contents: Mapping[str, Path]
    shown: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def run(self) -> list[Change]:
        """What was changed; `RecipeError` tells everything that does not fit at once.

        Accounts come first, since files belong to them; homes after files, since those may lie in them or in /etc/skel;
        units last, since overlays may bring them.
        """
        image, wanted = self.image, self.wanted
        changes = Changes(image=image)
        with changes.by("rootfs.users"):
            self.problems += add_accounts(image, wanted.accounts)
        if self.problems:
            self._raise()  # whatever belongs to them would be told as unknown
        self._lay_files(changes)
        with changes.by("rootfs.users"):
            self.problems += add_homes(image, wanted.accounts)
        self._set_system(changes)
        with changes.by("rootfs.units"):
            self.problems += set_units(image.tree, wanted.units)
        if self.problems:
            self._raise()
        self._slim(changes)
        return changes.found

    def _lay_files(self, changes: Changes) -> None:
        variables = {**self.wanted.variables, "arch": str(self.image.arch), "recipe": self.wanted.recipe}
        placing = Placing(
            image=self.image, contents=self.contents, shown=self.shown, variables=variables, problems=self.problems
        )
        for layer in self.wanted.overlays:
            with changes.by(f"overlay {layer.name}"):
                placing.overlay(layer)
        with changes.by("rootfs.files"):
            placing.files(self.wanted.files)

    def _set_system(self, changes: Changes) -> None:
        image, wanted = self.image, self.wanted
        with changes.by("rootfs.time_zone"):
            self._try("rootfs.time_zone", lambda: set_time_zone(image, wanted.time_zone))
        with changes.by("rootfs.locale"):
            self._try("rootfs.locale", lambda: set_locale(image, wanted.locale))
        with changes.by("rootfs.sysctl"):
            self._try("rootfs.sysctl", lambda: set_sysctl(image.tree, wanted.sysctl, name=wanted.recipe))
        with changes.by("rootfs.modules"):
            self.problems += load_modules(image.tree, wanted.modules, name=wanted.recipe)

    def _slim(self, changes: Changes) -> None:
        files = {name.removeprefix(_SLIM): path for name, path in self.contents.items() if name.startswith(_SLIM)}
        wanted = self.wanted
        Slimming(changes=changes, names=wanted.slim, files=files, locale=wanted.locale).run()

    def _try(self, where: str, do: Callable[[], None]) -> None:
        try:
            do()
        except BuilderError as error:
            self.problems.append(f"{where}: {error.brief}")

    def _raise(self) -> None:
        raise RecipeError("what is laid over the packages does not fit them", details=self.problems)
