"""Secrets stay out of what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

# Shorter values ("off", "direct", "1") are no secrets, and replacing them would garble every text.
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Redactor:
    """Replaces secret values, and the passwords inside secret addresses, by the variable's name."""

    replacements: Mapping[str, str]

    @classmethod
    def of(cls, env: Mapping[str, str], secret: frozenset[str]) -> "Redactor":
        """A redactor for the variables of `env` that `secret` names."""
        found: dict[str, str] = {}
        for name in sorted(secret & env.keys()):
            value = env[name]
            if len(value) >= _SHORTEST_SECRET:
                found[value] = f"${name}"
            for part in value.replace("|", ",").split(","):
                if "@" in part and (password := _password(part)):
                    found[password] = f"$(password in {name})"
                    found[unquote(password)] = f"$(password in {name})"
        return cls(replacements=found)

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        for value in sorted(self.replacements, key=len, reverse=True):
            text = text.replace(value, self.replacements[value])
        return text


def _password(address: str) -> str | None:
    try:
        return urlsplit(address).password
    except ValueError:
        return None
