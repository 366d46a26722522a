"""What locking asks of Debian's archive, and of those that a recipe names beside it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from builder.app.session import Session
from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError, RecipeError
from builder.debian.download import Downloader
from builder.debian.mirrors import MAIN_ARCHIVE, SECURITY_ARCHIVE, find_mirrors
from builder.debian.repository import Library, Release, Repository
from builder.debian.universe import Universe, read_universe
from builder.recipe.debian import Debian
from builder.recipe.debian import Repository as RecipeRepository
from builder.recipe.load import LoadedRecipe
from builder.steps.kinds.debian import ATTEMPTS
from builder.trust.debian_keys import FINGERPRINTS, debian_keyring
from builder.trust.openpgp import Keyring


@dataclass(slots=True, kw_only=True)
class Archives:
    """Suites of Debian and the repositories of a recipe, read through `library`; each Release file once."""

    library: Library
    _releases: dict[str, Release] = field(default_factory=dict)
    _last: tuple[str, Universe] | None = None

    def universe(self, repositories: Sequence[Repository], arch: Arch) -> Universe:
        """All that `repositories` have for `arch`. The last one is kept, which takes 100 MB: ask for one arch after the other."""
        name = f"{arch}: {', '.join(map(str, repositories))}"
        if self._last is None or self._last[0] != name:
            self._last = None
            releases = [self.release(one) for one in repositories]
            self._last = name, read_universe(self.library, releases, ARCH_FACTS[arch].debian)
        return self._last[1]

    def release(self, repository: Repository) -> Release:
        """The Release file of `repository`."""
        name = str(repository)
        if name not in self._releases:
            self._releases[name] = self.library.release(repository)
        return self._releases[name]


def open_archives(session: Session, debian: Debian, *, now_s: int) -> Archives:
    """The archives as the session reaches them; indexes are kept in its cache."""
    directory = session.project.caches.debian
    directory.mkdir(parents=True, exist_ok=True)
    return Archives(
        library=Library(
            downloader=Downloader(client=session.network.http.get(), attempts=ATTEMPTS, pause=time.sleep),
            mirrors=find_mirrors(session.network.environment, debian.mirrors),
            directory=directory,
            now=datetime.fromtimestamp(now_s, UTC),
        )
    )


def debian_suites(suites: Sequence[str], components: tuple[str, ...] = ("main",)) -> tuple[Repository, ...]:
    """The repositories of Debian's `suites`, signed by any release of Debian that is known."""
    first, *others = (debian_keyring(name) for name in FINGERPRINTS)
    keyring = sum(others, first)
    return tuple(
        Repository(
            archive=SECURITY_ARCHIVE if suite.endswith("-security") else MAIN_ARCHIVE,
            suite=suite,
            components=components,
            keyring=keyring,
        )
        for suite in suites
    )


def device_repositories(loaded: LoadedRecipe, debian: Debian, arch: Arch) -> tuple[Repository, ...]:
    """Where packages for devices of `arch` come from: the suites of `debian`, the recipe's section, then its repositories."""
    further = [
        _own_repository(loaded, name, repository)
        for name, repository in debian.repositories.items()
        if arch in (repository.architectures or (arch,))
    ]
    return (*debian_suites(debian.suites.get(arch, ()), debian.components), *further)


def _own_repository(loaded: LoadedRecipe, name: str, repository: RecipeRepository) -> Repository:
    place = loaded.origin(f"debian.repositories.{name}.keys")
    shown = loaded.shown(repository.keys)
    try:
        data = repository.keys.read_bytes()
    except OSError as error:
        raise RecipeError(
            f"{place}: the keys of the repository {name} cannot be read: {shown}: {error.strerror}",
            hint="export them as the archive's owners say, and compare their fingerprints with those that they publish",
        ) from None
    try:
        keyring = Keyring.of(data, fingerprints=repository.fingerprints, where=shown)
    except BuilderError as error:
        raise type(error)(f"{place}: {error.brief}", details=error.details, hint=error.hint) from None
    return Repository(
        archive=name,
        suite=repository.suite,
        components=repository.components,
        keyring=keyring,
        mirrors=(repository.address.rstrip("/"),),
    )
