"""What a builder in a container sees of this machine."""

from pathlib import Path

from builder.app.docker.surroundings import environment, named_files, shares
from builder.app.project import Project


def made(place: Path, *names: str) -> list[Path]:
    for name in names:
        (place / name).mkdir(parents=True, exist_ok=True)
    return [place / name for name in names]


def test_what_lies_below_others_is_not_shared_twice(tmp_path: Path) -> None:
    checkout, recipes, out, other = made(tmp_path, "checkout", "checkout/recipes", "checkout/out", "other")
    found = shares([recipes, checkout, other], [out])
    assert [(one.path, one.writable) for one in found] == [(checkout, False), (other, False), (out, True)]


def test_what_may_be_written_to_is_not_shared_read_only(tmp_path: Path) -> None:
    cache, inside = made(tmp_path, "cache", "cache/shared")
    assert [(one.path, one.writable) for one in shares([inside], [cache])] == [(cache, True)]


def test_both_names_of_a_link_are_there(tmp_path: Path) -> None:
    (real,) = made(tmp_path, "real")
    (tmp_path / "link").symlink_to(real)
    assert [one.path for one in shares([], [tmp_path / "link"])] == [tmp_path / "link", real]


def test_a_beginning_of_a_name_is_no_directory(tmp_path: Path) -> None:
    one, other = made(tmp_path, "out", "out-of")
    assert [share.path for share in shares([one, other], [])] == [one, other]


def test_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    assert shares([tmp_path / "absent"], []) == ()


def test_variables_name_files() -> None:
    variables = {
        "GOPROXY": "file:///mirror/go,https://proxy.example.com/path|direct",
        "PIP_FIND_LINKS": "/opt/wheels https://example.com/wheels",
        "SSL_CERT_FILE": "/etc/own.crt",
        "PATH": "/usr/bin",
        "BUILDER_CACHE": "/cache",
        "HOME": "/home/me",
    }
    found = set(map(str, named_files(variables)))
    assert {"/mirror/go", "/opt/wheels", "/etc/own.crt", "/home/me/.netrc"} <= found
    assert not {"/usr/bin", "/cache", "/home/me", "/path"} & found


def test_the_environment_is_what_networks_need(tmp_path: Path) -> None:
    user = {
        "HTTPS_PROXY": "http://me:secret@proxy:3128",
        "DOCKER_HOST": "unix:///x",
        "SOURCE_DATE_EPOCH": "7",
        "EDITOR": "vi",
    }
    project = Project(root=tmp_path, cache=tmp_path / "cache", environment=user)
    made = environment(project, "sha256:" + "ab" * 32)
    assert made["HTTPS_PROXY"] == user["HTTPS_PROXY"]
    assert made["SOURCE_DATE_EPOCH"] == "7"
    assert made["BUILDER_EXECUTOR"] == "docker sha256:" + "ab" * 32
    assert not {"DOCKER_HOST", "EDITOR"} & made.keys()
    assert made["BUILDER_ENVIRONMENTS"] == str(tmp_path / "cache/venv/docker-abababababababab")
