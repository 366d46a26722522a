"""What the options about shared caches mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builder.app.sharing.cache import Sharing


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingOptions:
    """The options as they were given."""

    from_: Sequence[str] | None
    to: Sequence[str] | None
    public_key: Path | None
    key: Path | None

    def read(self, *, offline: bool) -> "Sharing | None":
        """What they ask for, None where that is nothing; `RecipeError` for what cannot be: registries without a network."""
        from builder.core.errors import RecipeError  # noqa: PLC0415 - a build with nothing to do has no use for it

        if (self.public_key and not self.from_) or (self.key and not self.to):
            raise RecipeError(
                "a key of a shared cache is given without the cache",
                hint="--cache-public-key belongs to --cache-from, --cache-key to --cache-to",
            )
        if not self.from_ and not self.to:
            return None
        if offline and (asked := [one for one in (*(self.from_ or ()), *(self.to or ())) if "://" in one]):
            raise RecipeError(
                f"{asked[0]} is reached by a network, and none is to be used",
                hint="--offline and --from go together with shared caches in directories alone",
            )
        from builder.app.release.keys import read_public_key, read_secret_key  # noqa: PLC0415
        from builder.app.sharing.cache import Sharing  # noqa: PLC0415

        def refuse() -> str:
            raise RecipeError(
                f"{self.key} has a password", hint="nobody is there to be asked: 'minisign -G -W' makes one without"
            )

        return Sharing(
            from_=self.from_ or (),
            to=self.to or (),
            trust=read_public_key(self.public_key) if self.public_key else None,
            key=read_secret_key(self.key, refuse) if self.key else None,
        )
