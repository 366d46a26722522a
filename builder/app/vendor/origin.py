"""`builder make --from DIR`: registries that are a directory, and no network."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.app.vendor.directory import fill_command, open_directory
from builder.app.vendor.parts import DEBIAN, FILES, GO, WHEELS, Part, parts_of
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.debian.client import SharedClient
from builder.debian.kept import KeptFiles
from builder.debian.mirrors import MAIN_ARCHIVE, MIRROR_VARIABLE
from builder.oci.registry.shared import SharedRegistries
from builder.plan.plan import Action, Plan
from builder.steps.context import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorOrigin:
    """The directory at `root` (absolute) as the only place that builds fetch from."""

    root: Path

    def network(self, *, stall_s: float) -> Network:
        """How steps reach the directory, in the words of the tools that they use. Of the user's environment nothing is left.

        Go and pip are kept from reading the user's settings: those could name servers.
        """
        environment = {
            "GOENV": "off",
            "GOPROXY": (self.root / GO).as_uri(),
            "GONOPROXY": "none",
            "GOSUMDB": "off",
            "GOVCS": "*:off",
            MIRROR_VARIABLE: " ".join(self._archives()),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": (self.root / WHEELS).as_uri(),
            "PIP_NO_INDEX": "1",
        }
        kept = KeptFiles(root=self.root / FILES, advice=self._advice)
        http = SharedClient(environment, stall_s=stall_s, kept=kept)
        registries = SharedRegistries({}, stall_s=stall_s, kept=kept)
        return Network(offline=False, stall_s=stall_s, environment=environment, http=http, registries=registries)

    def require(self, plan: Plan, check: Callable[[], None]) -> None:
        """Raise one error for all that `plan` is going to fetch and the directory does not have, whole."""
        parts: dict[Digest, Part] = {}
        for planned in plan.steps:
            if planned.action is Action.RUN:
                parts |= {part.key: part for part in parts_of(planned.step)}
        problems = open_directory(self.root).problems(parts.values(), check)
        if problems.told:
            raise BuilderError(
                f"{self.root} lacks what this build needs, and --from allows no network",
                details=problems.told,
                hint=self._advice,
            )

    @property
    def _advice(self) -> str:
        return f"run {fill_command(self.root)} again, for this recipe, where registries have it"

    def _archives(self) -> list[str]:
        """The base addresses of all archives, Debian's own first."""
        place = self.root / DEBIAN
        found = sorted(path.name for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
        names = dict.fromkeys([MAIN_ARCHIVE, *found])
        return [(place / name).as_uri() for name in names]
