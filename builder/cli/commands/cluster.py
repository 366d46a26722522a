"""`builder cluster`: the trust of clusters, as their operator keeps it."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builder.app.clusters.rotated import Rotated
from builder.cli.options import JsonOption
from builder.fleet.role import Role

if TYPE_CHECKING:
    from builder.app.clusters.unlock import Unlocking
    from builder.fleet.directory import ClusterDirectory

_NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The cluster's name.")]
_NodesArgument = Annotated[list[str], typer.Argument(metavar="NODE...", help="Names of nodes.")]
ClustersOption = Annotated[
    Path | None,
    typer.Option("--clusters", metavar="DIR", help="Where clusters are kept. Default: clusters/ in the checkout."),
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        envvar="BUILDER_PASSPHRASE_FILE",
        metavar="FILE",
        help="The file that has the passphrase, - for standard input. Default: it is asked for.",
    ),
]
IdentityOption = Annotated[
    Path | None,
    typer.Option(
        "--identity",
        envvar="BUILDER_IDENTITY_FILE",
        metavar="FILE",
        help="The age identity that the cluster's keys are encrypted for.",
    ),
]
_OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write to this file, which only you may read.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command(epilog="Example: builder cluster init mill --endpoint mill.example.com")(init)
    group.command("list", epilog="Example: builder cluster list --json")(list_clusters)
    group.command(epilog="Example: builder cluster show mill")(show)
    group.command("add-node", epilog="Example: builder cluster add-node mill barn-1 barn-2 --role worker")(add_node)
    group.command(epilog="Examples: builder cluster fleet mill; builder cluster fleet mill --serials devices.csv")(
        fleet
    )
    group.command(epilog="Example: builder cluster revoke mill barn-2")(revoke)
    group.command(epilog="Example: builder cluster rotate mill --what issuers")(rotate)
    group.command(epilog="Example: builder cluster kubeconfig mill --out mill.kubeconfig")(kubeconfig)
    group.command(epilog="Example: builder cluster export mill --out mill.tar; tar -xf mill.tar -C /var/lib/kedge")(
        export
    )
    group.command(epilog="Example: builder cluster sign mill out/edge/armv7/kedge")(sign)
    app.add_typer(group, name="cluster", help="Trust of clusters: made before any node exists, kept by their operator.")


def init(
    name: _NameArgument,
    *,
    endpoint: Annotated[
        list[str],
        typer.Option("--endpoint", metavar="HOST[:PORT]", help="Where nodes reach the cluster; may be repeated."),
    ],
    recipient: Annotated[
        str,
        typer.Option(
            "--recipient", metavar="age1...", help="Encrypt the keys for this age identity, not a passphrase."
        ),
    ] = "",
    passphrase_file: PassphraseOption = None,
    clusters: ClustersOption = None,
) -> None:
    """Make, offline, all that the trust of a cluster stands on."""
    from builder.app.clusters.create import NewCluster, check_new, create_cluster
    from builder.fleet.endpoints import parse_endpoints

    endpoints, place = parse_endpoints(endpoint), clusters_directory(clusters)
    check_new(place, name, recipient)
    passphrase = ""
    if not recipient:
        unlocking = make_unlocking(passphrase_file, None, confirm=True)
        passphrase = unlocking.passphrase(f"passphrase for the cluster {name}")
    wanted = NewCluster(name=name, endpoints=endpoints, recipient=recipient, passphrase=passphrase)
    typer.echo(create_cluster(place, wanted, now=now()).path)


def list_clusters(*, clusters: ClustersOption = None, as_json: JsonOption = False) -> None:
    """List the clusters that there are."""
    from builder.cli.render.table import render_table
    from builder.fleet.directory import cluster_names, find_cluster

    place = clusters_directory(clusters)
    records = [find_cluster(place, name).read() for name in cluster_names(place)]
    if as_json:
        typer.echo(
            json.dumps([record.model_dump(mode="json", exclude={"certificates"}) for record in records], indent=2)
        )
        return
    rows = [(one.name, ", ".join(one.endpoints), str(len(one.nodes)), f"{one.created:%Y-%m-%d}") for one in records]
    typer.echo(render_table(("cluster", "endpoints", "nodes", "made"), rows, right={"nodes"}), nl=False)


def show(name: _NameArgument, *, clusters: ClustersOption = None, as_json: JsonOption = False) -> None:
    """Show a cluster: its nodes, and what they have."""
    from builder.app.clusters.summary import described
    from builder.cli.render.table import render_table

    record = open_cluster(clusters, name).read()
    if as_json:
        typer.echo(record.model_dump_json(indent=2))
        return
    facts, nodes = described(record)
    for key, value in facts:
        typer.echo(f"{key}: {value}")
    if nodes:
        typer.echo(render_table(("node", "role", "credential until", "state"), nodes, right=set()), nl=False)


def add_node(
    name: _NameArgument,
    nodes: _NodesArgument,
    *,
    role: Annotated[Role, typer.Option("--role", help="What they are.")] = Role.WORKER,
    clusters: ClustersOption = None,
) -> None:
    """Add nodes; clusters/NAME/nodes/NODE.yaml then says what is special about each."""
    from builder.app.clusters.nodes import add_nodes

    directory = open_cluster(clusters, name)
    add_nodes(directory, nodes, role, now=now())
    for node in nodes:
        typer.echo(directory.node(node))


def fleet(
    name: _NameArgument,
    *,
    serials: Annotated[
        Path | None,
        typer.Option(
            "--serials", metavar="FILE", help="Expect these devices: lines of SERIAL,NODE or SERIAL,NODE,SITE."
        ),
    ] = None,
    close: Annotated[bool, typer.Option("--close", help="Listen to no device without a credential any more.")] = False,
    clusters: ClustersOption = None,
) -> None:
    """Let devices with a fleet's card, which holds no secret, ask the controllers to be approved."""
    from builder.app.clusters.fleet import expect_devices, open_fleet
    from builder.cli.render.text import count
    from builder.core.errors import RecipeError

    directory = open_cluster(clusters, name)
    if serials and close:
        raise RecipeError(
            "--serials and --close exclude each other", hint="devices that are expected must be able to ask"
        )
    if serials:
        typer.echo(f"{count(expect_devices(directory, serials, now=now()), 'device')} more expected")
    else:
        open_fleet(directory, is_open=not close)
    what = "may not ask any more" if close else "may ask at port 9443"
    typer.echo(f"devices with a fleet's card {what}; controllers learn of it by 'builder cluster export {name}'")


def revoke(
    name: _NameArgument,
    nodes: _NodesArgument,
    *,
    fingerprint: Annotated[
        str,
        typer.Option(
            "--fingerprint",
            metavar="SHA256:...",
            help="Take back an approval of 'kedge node approve': the key that this node has, as 'kedge node list' shows it.",
        ),
    ] = "",
    clusters: ClustersOption = None,
) -> None:
    """Take back every credential that these nodes were ever given."""
    from builder.app.clusters.nodes import revoke_device, revoke_nodes
    from builder.cli.render.text import count
    from builder.core.errors import RecipeError

    directory = open_cluster(clusters, name)
    if fingerprint and len(nodes) > 1:
        raise RecipeError("a fingerprint is one node's", hint="name one node with --fingerprint")
    taken = (
        revoke_device(directory, nodes[0], fingerprint, now=now())
        if fingerprint
        else revoke_nodes(directory, nodes, now=now())
    )
    typer.echo(f"{count(len(taken), 'credential')} revoked; controllers learn of it by 'builder cluster export {name}'")


def rotate(
    name: _NameArgument,
    *,
    what: Annotated[
        list[Rotated] | None, typer.Option("--what", help="What is made anew; may be repeated. Default: issuers.")
    ] = None,
    passphrase_file: PassphraseOption = None,
    identity: IdentityOption = None,
    clusters: ClustersOption = None,
) -> None:
    """Make other keys for the controllers of a cluster, which its nodes trust as they did the old ones."""
    from builder.app.clusters.rotate import rotate as work

    chosen = what or [Rotated.ISSUERS]
    record = work(open_cluster(clusters, name), chosen, make_unlocking(passphrase_file, identity), now=now())
    typer.echo(
        f"generation {record.generation}: {', '.join(chosen)}; controllers have it after 'builder cluster export {name}'"
    )


def kubeconfig(  # noqa: PLR0913 - one parameter per option
    name: _NameArgument,
    *,
    out: _OutOption = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it is good for.")] = 365,
    passphrase_file: PassphraseOption = None,
    identity: IdentityOption = None,
    clusters: ClustersOption = None,
) -> None:
    """Write a kubeconfig of the administrator, who may do everything."""
    from builder.app.clusters.access import admin_kubeconfig

    unlocking, life = make_unlocking(passphrase_file, identity), timedelta(days=days)
    _write(admin_kubeconfig(open_cluster(clusters, name), unlocking, life, now=now()), out)


def export(
    name: _NameArgument,
    *,
    out: _OutOption = None,
    passphrase_file: PassphraseOption = None,
    identity: IdentityOption = None,
    clusters: ClustersOption = None,
) -> None:
    """Write the files of a controller as a tar archive, to be unpacked in its data directory. Whoever has it is the cluster."""
    from builder.app.clusters.access import controller_files

    _write(controller_files(open_cluster(clusters, name), make_unlocking(passphrase_file, identity), now=now()), out)


def sign(
    name: _NameArgument,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Executables of kedge, or updates (NAME.update).")
    ],
    *,
    passphrase_file: PassphraseOption = None,
    identity: IdentityOption = None,
    clusters: ClustersOption = None,
) -> None:
    """Sign versions of kedge and of the system that the cluster's devices may take; the signature is FILE.minisig."""
    from builder.app.clusters.access import sign_upgrades

    for path in sign_upgrades(
        open_cluster(clusters, name), make_unlocking(passphrase_file, identity), files, now=now()
    ):
        typer.echo(path)


def clusters_directory(clusters: Path | None) -> Path:
    """Where clusters are kept."""
    from builder.app.project import find_project

    return clusters or find_project(os.environ).root / "clusters"


def make_unlocking(passphrase_file: Path | None, identity: Path | None, *, confirm: bool = False) -> "Unlocking":
    """How keys are opened; at a terminal somebody is asked, twice where a passphrase is new."""
    from builder.app.clusters.unlock import Unlocking

    def prompt(question: str) -> str:
        return str(typer.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))

    asks = prompt if sys.stdin.isatty() else None
    return Unlocking(passphrase_file=passphrase_file, identity_file=identity, prompt=asks)


def open_cluster(clusters: Path | None, name: str) -> "ClusterDirectory":
    """The directory of a cluster."""
    from builder.fleet.directory import find_cluster

    return find_cluster(clusters_directory(clusters), name)


def _write(data: bytes, out: Path | None) -> None:
    """Write secrets to `out`, or to standard output where that is no terminal or only text."""
    from builder.core.errors import BuilderError, RecipeError
    from builder.fleet.directory import FILE_MODE
    from builder.io.files import atomic_write

    if out is None:
        if sys.stdout.isatty() and b"\0" in data:
            raise RecipeError("this is an archive, and standard output is a terminal", hint="--out FILE")
        sys.stdout.buffer.write(data)
        return
    try:
        atomic_write(out, data, mode=FILE_MODE)
    except OSError as error:
        raise BuilderError(f"{out} cannot be written: {error.strerror}") from None


def now() -> datetime:
    """Certificates count in seconds."""
    return datetime.now(UTC).replace(microsecond=0)
