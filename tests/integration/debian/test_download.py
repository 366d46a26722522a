from http import HTTPStatus
from pathlib import Path

import pytest

from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.debian.download import Expected
from tests.integration.debian.conftest import Connect, Serve
from tests.integration.debian.server import Fault

CONTENT = b"".join(number.to_bytes(4, "big") for number in range(75_000))
EXPECTED = Expected(size_bytes=len(CONTENT), digest=Digest.of_bytes(CONTENT))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "served"
    directory.mkdir()
    (directory / "file").write_bytes(CONTENT)
    return directory


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def test_a_file_arrives_whole_and_nothing_stays_beside_it(
    root: Path, target: Path, serve: Serve, connect: Connect
) -> None:
    server = serve(root)
    assert connect().fetch([f"{server.url}/file"], target, EXPECTED) == target
    assert target.read_bytes() == CONTENT
    assert not list(target.parent.glob(".*"))
    assert server.asked == [("/file", "")]


def test_a_local_mirror_needs_no_server(root: Path, target: Path, connect: Connect) -> None:
    assert connect().fetch([f"file://{root}/missing", f"file://{root}/file"], target, EXPECTED).read_bytes() == CONTENT
    with pytest.raises(BuilderError, match="No such file"):
        connect().fetch([f"file://{root}/missing"], target, EXPECTED)


def test_a_cut_transfer_is_resumed_where_it_ended(
    root: Path, target: Path, serve: Serve, connect: Connect, pauses: list[float]
) -> None:
    server = serve(root)
    server.faults["/file"] = [Fault(sent_bytes=100_000), Fault(sent_bytes=50_000)]
    connect().fetch([f"{server.url}/file"], target, EXPECTED)
    assert target.read_bytes() == CONTENT
    assert server.asked == [("/file", ""), ("/file", "bytes=100000-"), ("/file", "bytes=150000-")]
    assert pauses == [1, 2]


def test_the_next_mirror_goes_on_where_the_first_ended(
    root: Path, target: Path, serve: Serve, connect: Connect
) -> None:
    first, second = serve(root), serve(root)
    first.faults["/file"] = [Fault(sent_bytes=1000)] + [Fault(status=HTTPStatus.BAD_GATEWAY)] * 2
    connect().fetch([f"{first.url}/file", f"{second.url}/file"], target, EXPECTED)
    assert target.read_bytes() == CONTENT
    assert second.asked == [("/file", "bytes=1000-")]


def test_what_an_earlier_run_left_is_resumed(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    first = serve(root)
    first.faults["/file"] = [Fault(sent_bytes=1000)] * 3
    with pytest.raises(BuilderError, match=r"peer closed connection.*\(3 attempts\)"):
        connect().fetch([f"{first.url}/file"], target, EXPECTED)
    assert not target.exists()
    second = serve(root)
    connect().fetch([f"{second.url}/file"], target, EXPECTED)
    assert second.asked == [("/file", "bytes=3000-")]
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    server = serve(root)
    server.faults["/file"] = [Fault(sent_bytes=1000), Fault(no_ranges=True)]
    connect().fetch([f"{server.url}/file"], target, EXPECTED)
    assert target.read_bytes() == CONTENT


def test_another_part_than_the_one_asked_for_is_not_appended(
    root: Path, target: Path, serve: Serve, connect: Connect
) -> None:
    first, second = serve(root), serve(root)
    first.faults["/file"] = [Fault(sent_bytes=1000), Fault(wrong_part=True)]
    with pytest.raises(BuilderError, match="another part of the file"):
        connect().fetch([f"{first.url}/file"], target, EXPECTED)
    connect().fetch([f"{second.url}/file"], target, EXPECTED)
    assert second.asked == [("/file", "bytes=1000-")]
    assert target.read_bytes() == CONTENT


def test_a_start_that_was_another_files_is_thrown_away(
    root: Path, target: Path, serve: Serve, connect: Connect
) -> None:
    server = serve(root)
    server.faults["/file"] = [Fault(sent_bytes=1000, content=CONTENT[::-1])]
    connect().fetch([f"{server.url}/file"], target, EXPECTED)
    assert target.read_bytes() == CONTENT
    assert [span for _, span in server.asked] == ["", "bytes=1000-", ""]


def test_silence_ends_the_attempt_not_the_file(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    server = serve(root)
    server.faults["/file"] = [Fault(sent_bytes=1000, hangs=True)]
    connect(stall_s=0.5).fetch([f"{server.url}/file"], target, EXPECTED)
    assert server.asked == [("/file", ""), ("/file", "bytes=1000-")]
    assert target.read_bytes() == CONTENT


def test_a_mirror_that_stays_silent_is_told(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    server = serve(root)
    server.faults["/file"] = [Fault(sent_bytes=0, hangs=True)] * 3
    with pytest.raises(BuilderError) as error:
        connect(stall_s=0.2).fetch([f"{server.url}/file"], target, EXPECTED)
    assert error.value.details == (f"{server.url}/file: no byte arrived for 0.2 s (3 attempts)",)


@pytest.mark.parametrize("status", [HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.GONE])
def test_a_refusal_is_final_for_its_mirror(
    status: HTTPStatus, root: Path, target: Path, serve: Serve, connect: Connect
) -> None:
    first, second = serve(root), serve(root)
    first.faults["/file"] = [Fault(status=status)]
    connect().fetch([f"{first.url}/file", f"{second.url}/file"], target, EXPECTED)
    assert target.read_bytes() == CONTENT
    assert len(first.asked) == 1


def test_every_mirror_and_its_reason_are_told(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    first, second = serve(root, login="me:geheim"), serve(root)
    first.faults["/file"] = [Fault(status=HTTPStatus.FORBIDDEN)]
    second.faults["/file"] = [Fault(status=HTTPStatus.SERVICE_UNAVAILABLE)] * 3
    dead = "http://127.0.0.1:1"
    with pytest.raises(BuilderError, match="target cannot be had") as error:
        connect().fetch([f"{first.url}/file", f"{second.url}/file", f"{dead}/file"], target, EXPECTED)
    assert error.value.details == (
        f"http://127.0.0.1:{first.port}/file: the answer is 403 Forbidden",
        f"{second.url}/file: the answer is 503 Service Unavailable (3 attempts)",
        f"{dead}/file: [Errno 111] Connection refused (3 attempts)",
    )
    assert "BUILDER_DEBIAN_MIRROR" in error.value.hint


def test_another_file_of_the_same_size_is_not_taken(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    first, second = serve(root), serve(root)
    first.faults["/file"] = [Fault(content=CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))] * 2
    with pytest.raises(VerificationError, match=f"instead of {EXPECTED.digest}"):
        connect().fetch([f"{first.url}/file"], target, EXPECTED)
    assert list(target.parent.iterdir()) == [root]
    connect().fetch([f"{first.url}/file", f"{second.url}/file"], target, EXPECTED)
    assert target.read_bytes() == CONTENT


def test_a_larger_file_is_not_read_to_its_end(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    server = serve(root)
    server.faults["/file"] = [Fault(content=CONTENT + b"more")]
    with pytest.raises(VerificationError, match="more than 300000 bytes"):
        connect().fetch([f"{server.url}/file"], target, EXPECTED)


def test_a_smaller_file_is_told(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    server = serve(root)
    server.faults["/file"] = [Fault(content=b"short")] * 3
    with pytest.raises(VerificationError, match="no more than 5 bytes"):
        connect().fetch([f"{server.url}/file"], target, EXPECTED)


def test_redirects_are_followed_to_other_servers(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    first, second = serve(root), serve(root)
    first.faults["/file"] = [Fault(status=HTTPStatus.FOUND, location=f"{second.url}/file")]
    connect().fetch([f"{first.url}/file"], target, EXPECTED)
    assert target.read_bytes() == CONTENT
    first.faults["/file"] = [Fault(status=HTTPStatus.FOUND, location="/file")] * 50
    with pytest.raises(BuilderError, match="redirects"):
        connect().fetch([f"{first.url}/file"], target, EXPECTED)


def test_a_login_stays_with_its_mirror(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    first, second = serve(root, login="me:p%40ss"), serve(root)
    first.login = "me:p@ss"
    address = f"http://me:p%40ss@127.0.0.1:{first.port}/file"
    connect().fetch([address], target, EXPECTED)
    assert target.read_bytes() == CONTENT
    first.login = "me:changed"
    with pytest.raises(BuilderError, match="401") as error:
        connect().fetch([address], target, EXPECTED)
    assert "p%40ss" not in str(error.value)
    assert "p@ss" not in str(error.value)
    assert second.asked == []


def test_proxies_come_from_the_environment(root: Path, target: Path, serve: Serve, connect: Connect) -> None:
    proxy = serve(root, login="me:geheim")
    connect({"http_proxy": proxy.url}).fetch(["http://mirror.invalid/file"], target, EXPECTED)
    assert target.read_bytes() == CONTENT
    assert proxy.asked == [("/file", "")]
    direct = serve(root)
    for without in ("127.0.0.1", "other.invalid, 127.0.0.1", "*"):
        connect({"HTTP_PROXY": proxy.url, "no_proxy": without}).fetch([f"{direct.url}/file"], target, EXPECTED)
    assert len(proxy.asked) == 1
    connect({"ALL_PROXY": proxy.url, "NO_PROXY": "other.invalid"}).fetch([f"{direct.url}/file"], target, EXPECTED)
    assert len(proxy.asked) == 2


@pytest.mark.parametrize("proxy", ["gopher://me:geheim@127.0.0.1:1", "http://me:geheim@127.0.0.1:1"])
def test_a_proxy_that_does_not_work_is_told_without_its_password(proxy: str, target: Path, connect: Connect) -> None:
    with pytest.raises(BuilderError) as error:
        connect({"http_proxy": proxy}).fetch(["http://mirror.invalid/file"], target, EXPECTED)
    assert "geheim" not in str(error.value)


def test_certificates_that_cannot_be_read_are_told(target: Path, connect: Connect) -> None:
    with pytest.raises(BuilderError, match="SSL_CERT_FILE"):
        connect({"SSL_CERT_FILE": "/not/there"}).fetch(["https://127.0.0.1:1/file"], target, EXPECTED)
