import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.components.invoke import invoke

SEARCH_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def test_flannel_joins_the_network_of_the_nodes(kedge: Path, tmp_path: Path) -> None:
    nft, ip = (shutil.which(tool, path=SEARCH_PATH) for tool in ("nft", "ip"))
    if nft is None or ip is None:
        pytest.skip("there is no nft or no ip; on Debian: apt install nftables iproute2")
    (tmp_path / "cp").mkdir()
    lone = [sys.executable, "-P", "-m", "tests.integration.components.lone_flannel", str(kedge), str(tmp_path), nft, ip]
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*namespace, nft, "list", "tables"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no network namespace with a packet filter to ordinary users")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([*namespace, *lone], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--kube-subnet-mgr=false"], "leases in etcd are not part of this build"),
        (["--etcd-endpoints=http://127.0.0.1:2379"], "flag provided but not defined: -etcd-endpoints"),
        (["10.244.0.0/16"], 'takes flags only, got "10.244.0.0/16"'),
        (["--iptables-resync=0"], "must be at least 1 second"),
    ],
)
def test_flannel_refuses_what_it_does_not_have(kedge: Path, arguments: list[str], complaint: str) -> None:
    result = invoke(kedge, "flanneld", *arguments)
    assert result.code == 2
    assert complaint in result.stderr
