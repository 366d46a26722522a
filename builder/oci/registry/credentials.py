"""Who we are to a registry, by Docker's configuration and its credential helpers, and by podman's file."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.core.errors import BuilderError, MissingToolError
from builder.io.spawn import Command, CommandError, Runner

# What Docker calls its own registry in its configuration.
_DOCKER_HUB, _DOCKER_HUB_KEY = "docker.io", "https://index.docker.io/v1/"
# What helpers say for a registry that they know nothing of (docker-credential-helpers, credentials/error.go).
_UNKNOWN = "credentials not found"
_TOKEN_USER = "<token>"  # noqa: S105 - the word that marks an identity token
_HELPER_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A name and its password; or an identity token, which is exchanged for others."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the user of `environment` has: of it count HOME, DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR and PATH."""

    environment: Mapping[str, str]

    def of(self, host: str, path: str, runner: Runner) -> Login | None:
        """The login for the repository `path` of the registry `host`, None where there is none."""
        for file in self._files():
            config = _read(file)
            login = self._from_helper(config, host, runner, file) or _from_file(config, host, path, file)
            if login:
                return login
        return None

    def _files(self) -> Iterator[Path]:
        """The files that may have logins, the first that is there counts most."""
        places = []
        if named := self.environment.get("REGISTRY_AUTH_FILE"):
            places.append(Path(named))
        home = self.environment.get("HOME", "")
        docker = self.environment.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
        places += [Path(docker, "config.json")] if docker else []
        runtime = self.environment.get("XDG_RUNTIME_DIR")
        places += [Path(runtime, "containers/auth.json")] if runtime else []
        yield from (place for place in places if place.is_file())

    def _from_helper(self, config: Mapping[str, Any], host: str, runner: Runner, file: Path) -> Login | None:
        key = _DOCKER_HUB_KEY if host == _DOCKER_HUB else host
        helpers = _mapping(config.get("credHelpers"))
        helper = helpers.get(key) or helpers.get(host) or config.get("credsStore")
        if not isinstance(helper, str) or not helper:
            return None
        answer = self._ask(f"docker-credential-{helper}", key, runner, file)
        if answer is None:
            return None
        user, secret = str(answer.get("Username", "")), str(answer.get("Secret", ""))
        return Login(identity_token=secret) if user == _TOKEN_USER else Login(user=user, password=secret)

    def _ask(self, program: str, key: str, runner: Runner, file: Path) -> Mapping[str, Any] | None:
        question = runner.log.with_suffix(".registry")
        question.write_text(key)
        try:
            command = Command(
                argv=(program, "get"),
                env=dict(self.environment),
                cwd=Path("/"),
                stdin=question,
                timeout_s=_HELPER_TIMEOUT_S,
                secret_env=frozenset(self.environment) - {"HOME", "PATH"},
            )
            answer = json.loads(runner.capture(command))
        except CommandError as error:
            if _UNKNOWN in error.failure.captured + " ".join(error.failure.last_lines):
                return None
            raise BuilderError(
                f"{program} does not say who you are to {key}: {error.brief}", hint=f"{file} names that program"
            ) from None
        except MissingToolError:
            raise MissingToolError(
                f"there is no {program}, which {file} names for {key}", hint="install it, or log in without a helper"
            ) from None
        except ValueError:
            raise BuilderError(f"{program} does not answer in JSON", hint=f"{file} names that program") from None
        finally:
            question.unlink(missing_ok=True)
        return _mapping(answer)


def _from_file(config: Mapping[str, Any], host: str, path: str, file: Path) -> Login | None:
    """The login of the longest key that the repository lies in."""
    logins = {_plain(key): value for key, value in _mapping(config.get("auths")).items()}
    parts = [host, *path.split("/")]
    for count in range(len(parts), 0, -1):
        found = _mapping(logins.get("/".join(parts[:count])))
        if token := found.get("identitytoken"):
            return Login(identity_token=str(token))
        if encoded := found.get("auth"):
            return _decoded(str(encoded), file, host)
        if found.get("username"):
            return Login(user=str(found["username"]), password=str(found.get("password", "")))
    return None


def _plain(key: str) -> str:
    """A key without its scheme and its API's path; Docker's own registry by its name."""
    if key == _DOCKER_HUB_KEY or key.rstrip("/") in ("index.docker.io", "registry-1.docker.io"):
        return _DOCKER_HUB
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.rstrip("/")


def _decoded(encoded: str, file: Path, host: str) -> Login:
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user, colon, password = "", "", ""
    if not colon:
        raise BuilderError(f"{file}: the login for {host} is damaged", hint=f"log in again: docker login {host}")
    return Login(user=user, password=password.rstrip("\0"))


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(file.read_bytes()))
    except OSError as error:
        raise BuilderError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise BuilderError(f"{file} is no JSON: {error}") from None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
