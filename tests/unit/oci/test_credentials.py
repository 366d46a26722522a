import base64
import json
from pathlib import Path

import pytest

from builder.core.errors import BuilderError, MissingToolError
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.oci.registry.credentials import Credentials, Login

HUB = "https://index.docker.io/v1/"


def encoded(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def login(tmp_path: Path, config: object, host: str, path: str = "team/app") -> Login | None:
    place = tmp_path / ".docker/config.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(config if isinstance(config, str) else json.dumps(config))
    with Leash() as leash:
        runner = Runner(log=tmp_path / "log", leash=leash)
        return Credentials(environment={"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}).of(host, path, runner)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("registry.example.com", "registry.example.com"),
        ("https://registry.example.com:5000/v2/", "registry.example.com:5000"),
        (HUB, "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry.example.com/team", "registry.example.com"),
        ("registry.example.com/team/app", "registry.example.com"),
    ],
)
def test_keys_are_found_in_any_spelling(tmp_path: Path, key: str, host: str) -> None:
    config = {"auths": {key: encoded("me", "a:b"), "other.example.com": encoded("x", "y")}}
    assert login(tmp_path, config, host) == Login(user="me", password="a:b")  # noqa: S106 - of this test alone


def test_the_longest_key_counts(tmp_path: Path) -> None:
    config = {"auths": {"r.example": encoded("host", "1"), "r.example/team": encoded("team", "2")}}
    assert login(tmp_path, config, "r.example") == Login(user="team", password="2")  # noqa: S106
    assert login(tmp_path, config, "r.example", "teamwork/app") == Login(user="host", password="1")  # noqa: S106


def test_tokens_and_strangers(tmp_path: Path) -> None:
    config = {"auths": {"r.example": {"identitytoken": "t"}}}
    assert login(tmp_path, config, "r.example") == Login(identity_token="t")  # noqa: S106
    assert login(tmp_path, config, "s.example") is None


def helper(tmp_path: Path, script: str) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/docker-credential-keys"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_helpers_are_asked_as_docker_asks_them(tmp_path: Path) -> None:
    helper(
        tmp_path, f'read -r server; [ "$1 $server" = "get {HUB}" ] && echo \'{{"Username":"<token>","Secret":"s"}}\''
    )
    assert login(tmp_path, {"credsStore": "keys"}, "docker.io") == Login(identity_token="s")  # noqa: S106


def test_a_helper_that_knows_nothing_is_no_error(tmp_path: Path) -> None:
    helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    config = {"credHelpers": {"r.example": "keys"}, "auths": {"r.example": encoded("me", "p")}}
    assert login(tmp_path, config, "r.example") == Login(user="me", password="p")  # noqa: S106


def test_a_helper_that_fails_is_told(tmp_path: Path) -> None:
    helper(tmp_path, "echo the keychain is locked >&2; exit 1")
    with pytest.raises(BuilderError, match=r"docker-credential-keys does not say who you are to r\.example"):
        login(tmp_path, {"credHelpers": {"r.example": "keys"}}, "r.example")


def test_a_helper_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="there is no docker-credential-keys"):
        login(tmp_path, {"credsStore": "keys"}, "r.example")


@pytest.mark.parametrize("config", ["{", '{"auths": {"r.example": {"auth": "???"}}}'])
def test_damaged_files_are_told(tmp_path: Path, config: str) -> None:
    with pytest.raises(BuilderError, match=r"config\.json"):
        login(tmp_path, config, "r.example")


def test_passwords_are_no_part_of_what_is_shown() -> None:
    assert "secret" not in repr(Login(user="me", password="secret", identity_token="secret"))  # noqa: S106
