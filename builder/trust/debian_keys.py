"""The certificates that sign Debian's archive, security archive and stable releases.

They lie in `keys/`, as exported from the file of the package debian-archive-keyring. To check them yourself:
`gpg --show-keys builder/trust/keys/debian-13.asc` prints their fingerprints. Compare those with what your own Debian says
(`gpg --show-keys /usr/share/keyrings/debian-archive-keyring.gpg`), and with the list that Debian's FTP masters publish
on Debian's web site under "archive keys".
"""

from pathlib import Path

from builder.core.errors import RecipeError
from builder.trust.openpgp import Keyring

_DIRECTORY = Path(__file__).parent / "keys"

# Per release: archive, security archive, stable release. Valid until 2031 (12), 2035 and for the last 2033 (13).
FINGERPRINTS: dict[str, tuple[str, ...]] = {
    "debian-12": (
        "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
        "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
        "4D64FEC119C2029067D6E791F8D2585B8783D481",
    ),
    "debian-13": (
        "04B54C3CDCA79751B16BC6B5225629DF75B188BD",
        "5E04A1E3223A19A20706E20F9904613D4CCE68C6",
        "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
    ),
}


def debian_keyring(name: str) -> Keyring:
    """The committed certificates of `name` (`debian-12`, `debian-13`); `RecipeError` for another name."""
    if name not in FINGERPRINTS:
        raise RecipeError(f"no keys are known by the name {name!r}", hint=f"known names: {', '.join(FINGERPRINTS)}")
    path = _DIRECTORY / f"{name}.asc"
    return Keyring.of(path.read_bytes(), fingerprints=FINGERPRINTS[name], where=str(path))
