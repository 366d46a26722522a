"""The guide to releases, followed to the letter with the small cluster."""

import json
import shlex
from collections.abc import Sequence

from tests.integration.app.driver import Builder
from tests.integration.app.releases.conftest import Published
from tests.integration.app.releases.test_audit import exported
from tests.integration.docs.commands import documented_commands

# The form of the tracker's data.
TRACKER = {"bash": {"CVE-2026-1": {"releases": {"trixie": {"status": "open", "urgency": "high"}}}}}
GUIDE = "docs/guides/releases.md"


def test_every_command_works(builder: Builder, published: Published) -> None:
    commands = [command.words for command in documented_commands() if command.file == GUIDE]
    assert [words[1] for words in commands[1:]] == ["release", "verify", "release", "diff", "diff", "audit"]
    (builder.checkout.root / "osv-go.zip").write_bytes(exported([]))
    (builder.checkout.root / "debian-tracker.json").write_text(json.dumps(TRACKER))
    for words in commands:
        follow(words, builder, published)
    assert (builder.checkout.out / "edge/releases/1.5.0/SHA256SUMS.minisig").exists()


def follow(words: Sequence[str], builder: Builder, published: Published) -> None:
    """Run one command of the guide in the checkout."""
    if words[0] == "minisign":
        places = [str(builder.checkout.root / one) if one.startswith("publisher") else one for one in words[1:]]
        published.keys.run("-W", *places)
        return
    assert words[0] == "./builderw", shlex.join(words)
    builder.good(*words[1:])
