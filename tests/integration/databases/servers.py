"""PostgreSQL and MariaDB on loopback, with a password and TLS."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.integration.components.pki import Authority
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import Daemon, running, wait_for
from tests.integration.databases.enclosure import Enclosure

USER, PASSWORD = "kedge", "hidden-treasure"


class Server(Protocol):
    """A database server that is set up and can be started as often as wanted."""

    @property
    def authority(self) -> Path:
        """The certificate of who signed the server's."""

    def source(self, port: int, password: str = PASSWORD) -> str:
        """What kedge's configuration calls the database, through `port`."""

    def secure(self) -> str:
        """The same at the server's own port, with TLS that is verified."""

    @property
    def port(self) -> int: ...

    def argv(self) -> list[str]:
        """The command line of the server."""

    @property
    def enclosure(self) -> Enclosure: ...


@contextmanager
def serving(server: Server) -> Iterator[Daemon]:
    """Run the server until the context ends; it answers."""
    with running(server.argv(), name="database", directory=server.enclosure.root) as daemon:
        wait_for(daemon, lambda: _answers(server.port), what="answering")
        yield daemon


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgreSQL:
    enclosure: Enclosure
    port: int
    authority: Path

    def source(self, port: int, password: str = PASSWORD) -> str:
        return f"postgres://{USER}:{password}@{LOOPBACK}:{port}/kedge?sslmode=disable"

    def secure(self) -> str:
        # A certificate authority in the configuration asks for verification.
        return f"postgres://{USER}:{PASSWORD}@{LOOPBACK}:{self.port}/kedge"

    def argv(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "dynamic_shared_memory_type": "mmap",
            "ssl": "on",
            "ssl_cert_file": "/data/server.crt",
            "ssl_key_file": "/data/server.key",
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self.enclosure.argv(_POSTGRESQL + "postgres", "-D", "/data/db", *arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaDB:
    enclosure: Enclosure
    port: int
    authority: Path

    def source(self, port: int, password: str = PASSWORD) -> str:
        return f"mysql://{USER}:{password}@tcp({LOOPBACK}:{port})/kedge"

    def secure(self) -> str:
        return self.source(self.port)

    def argv(self) -> list[str]:
        tls = ("--ssl-cert=/data/server.crt", "--ssl-key=/data/server.key")
        where = (f"--bind-address={LOOPBACK}", f"--port={self.port}", "--socket=/data/socket")
        return self.enclosure.argv("/usr/sbin/mariadbd", *_MARIADB, *where, *tls, "--init-file=/data/init.sql")


_POSTGRESQL = "/usr/lib/postgresql/17/bin/"
_MARIADB = ("--no-defaults", "--datadir=/data/db", "--pid-file=/data/pid", "--skip-log-bin")


def set_up_postgresql(enclosure: Enclosure) -> PostgreSQL:
    authority = _certify(enclosure)
    (enclosure.root / "data/password").write_text(PASSWORD)
    identity = (f"--username={USER}", "--pwfile=/data/password", "--auth=scram-sha-256")
    form = ("--locale=C", "--encoding=UTF8", "--no-sync")
    enclosure.run(_POSTGRESQL + "initdb", "-D", "/data/db", *identity, *form)
    return PostgreSQL(enclosure=enclosure, port=free_ports(1)[0], authority=authority)


def set_up_mariadb(enclosure: Enclosure) -> MariaDB:
    authority = _certify(enclosure)
    data = enclosure.root / "data"
    (data / "db").mkdir()
    share = enclosure.tree / "usr/share/mariadb"
    tables = ("mariadb_system_tables.sql", "mariadb_performance_tables.sql", "mariadb_system_tables_data.sql")
    script = "create database mysql;\nuse mysql;\n" + "".join((share / name).read_text() for name in tables)
    enclosure.run("/usr/sbin/mariadbd", *_MARIADB, "--bootstrap", stdin=script)
    rights = f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON kedge.* TO {USER}@'%';\n"
    (data / "init.sql").write_text(rights)
    return MariaDB(enclosure=enclosure, port=free_ports(1)[0], authority=authority)


def _certify(enclosure: Enclosure) -> Path:
    """Give the server a certificate; returns that of who signed it."""
    directory = enclosure.root / "data"
    authority = Authority(directory)
    authority.issue("server")
    (directory / "server.key").chmod(0o600)
    return authority.certificate
