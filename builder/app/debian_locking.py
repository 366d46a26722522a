"""Resolving what a recipe takes out of Debian's archive to the pins of its lock."""

import time
from datetime import UTC, datetime

from builder.app.session import Session
from builder.core.arch import ARCH_FACTS
from builder.debian.connection import open_client
from builder.debian.download import Downloader
from builder.debian.mirrors import MAIN_ARCHIVE, SECURITY_ARCHIVE, find_mirrors
from builder.debian.repository import SOURCE, Library, Repository
from builder.debian.resolve import Wanted, resolve_pins
from builder.recipe.cluster import BuiltCluster
from builder.recipe.lockfile import LockedDebian
from builder.recipe.models import Debian
from builder.steps.kinds.debian import ATTEMPTS
from builder.trust.debian_keys import FINGERPRINTS, debian_keyring

# What upstream published, without Debian's changes.
_UPSTREAM_ARCHIVE = "*.orig.tar.?z"


def lock_debian(session: Session, debian: Debian, cluster: BuiltCluster, *, now_s: int) -> LockedDebian:
    """The newest of every package of `cluster`'s closed sets and of the archives of its libraries.

    Every architecture that `debian` has a suite for is pinned: one lock serves recipes for any of them.
    """
    session.project.cache.joinpath("debian").mkdir(parents=True, exist_ok=True)
    environment = session.network.environment
    with open_client(environment, stall_s=session.network.stall_s) as client:
        library = Library(
            downloader=Downloader(client=client, attempts=ATTEMPTS, pause=time.sleep),
            mirrors=find_mirrors(environment, debian.mirrors),
            directory=session.project.cache / "debian",
            now=datetime.fromtimestamp(now_s, UTC),
        )
        packages = sorted({package for closed_set in cluster.closed_sets.values() for package in closed_set.packages})
        archives = sorted({one.archive for one in cluster.libraries.values()})
        sources = [
            Wanted(name=name, architecture=SOURCE, repositories=_repositories(debian.sources), files=_UPSTREAM_ARCHIVE)
            for name in archives
        ]
        return LockedDebian(
            suites=dict(debian.suites),
            source_suite=debian.sources,
            packages={
                arch: tuple(
                    resolve_pins(
                        [
                            Wanted(name=name, architecture=ARCH_FACTS[arch].debian, repositories=_repositories(*suites))
                            for name in packages
                        ],
                        library,
                    )
                )
                for arch, suites in debian.suites.items()
            },
            sources=tuple(resolve_pins(sources, library)),
        )


def _repositories(*suites: str) -> tuple[Repository, ...]:
    """The repositories of `suites`, signed by any release of Debian that is known."""
    first, *others = (debian_keyring(name) for name in FINGERPRINTS)
    keyring = sum(others, first)
    return tuple(
        Repository(
            archive=SECURITY_ARCHIVE if suite.endswith("-security") else MAIN_ARCHIVE, suite=suite, keyring=keyring
        )
        for suite in suites
    )
