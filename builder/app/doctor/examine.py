"""The whole examination."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.app.doctor import host, storage, virtualization
from builder.app.doctor.report import Report
from builder.core.resources import GIB, MIB, Resources
from builder.vm.kvm import probe_kvm

# From a first build of one architecture, measured: 4.4 GiB of Go build cache for each, 4.6 GiB of all else; and some room.
FULL_BUILD_CACHE_BYTES = 20 * GIB
# Three executables of 200 MB (measured for armv7), written beside the ones that they replace.
OUTPUT_BYTES = 1200 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What builds ask of a machine.

    `largest_step` is the most that any step declares; `epoch_s` (seconds since 1970) the date of the lock;
    `cache_bytes` what a full build leaves in an empty cache, `output_bytes` what it writes into the checkout.
    """

    largest_step: Resources
    epoch_s: int
    cache_bytes: int = FULL_BUILD_CACHE_BYTES
    output_bytes: int = OUTPUT_BYTES


def examine(
    *, checkout: Path, cache: Path, environment: Mapping[str, str], needs: Needs, now_s: float | None = None
) -> Report:
    """Look at this machine; nothing is changed but for probe files, which are removed.

    `now_s` (seconds since 1970) replaces the machine's own clock.
    """
    temporary = Path(environment.get("TMPDIR") or "/tmp")  # noqa: S108 - where programs look when TMPDIR is not set
    return Report(
        findings=(
            host.judge_architecture(host.probe_machine()),
            *host.judge_resources(host.probe_resources(), needs.largest_step),
            host.judge_python(host.probe_python()),
            host.judge_git(host.find_program("git", environment)),
            host.judge_clock(time.time() if now_s is None else now_s, needs.epoch_s),
            host.judge_network(environment),
            *storage.judge_place("cache", storage.probe_place(cache), needs.cache_bytes),
            *storage.judge_place("checkout", storage.probe_place(checkout), needs.output_bytes),
            *storage.judge_temporary(storage.probe_place(temporary)),
            virtualization.judge_kvm(probe_kvm(host.probe_machine())),
            *virtualization.judge_emulators(virtualization.probe_emulators()),
            virtualization.judge_user_namespaces(virtualization.probe_user_namespaces()),
        )
    )
