"""The commands: `python -m workbench <command>`. Each one prints what it did and exits non-zero when it could not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from workbench import ROOMS
from workbench.config import BadSettings, Settings, settings
from workbench.kernel import checkpoints
from workbench.kernel.identity import Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.launch.embedded import EmbeddedServer
from workbench.launch.first_data import enter_first_data
from workbench.launch.supervisor import prepare_database, serve
from workbench.production.agent.command import bench_agent


@contextmanager
def connected(configured: Settings) -> Iterator[Parts]:
    """Parts on the installation's database; the embedded server is started for the command when nothing runs it."""
    if configured.app_database_url is not None:
        yield make_parts(configured)
        return
    if configured.database_url is not None:
        yield make_parts(configured, prepare_database(configured, configured.database_url))
        return
    server = EmbeddedServer(configured.var_dir / "postgres")
    was_running = server.is_running()
    try:
        yield make_parts(configured, prepare_database(configured, server.start()))
    finally:
        if not was_running:
            server.stop()


@click.group(help=__doc__)
def cli() -> None:
    """The group every command hangs on."""


@cli.command("serve")
@click.option("--demo", is_flag=True, help="Load invented cases when the database holds none.")
def serve_command(demo: bool) -> None:
    """Database, migrations, web server and worker, until Ctrl-C."""
    sys.exit(serve(settings(), demo=demo))


@cli.command("worker")
def worker_command() -> None:
    """Run background tasks until Ctrl-C."""
    from workbench.kernel.worker import run_worker

    for room in ROOMS:
        if find_spec(f"workbench.{room}.tasks"):
            import_module(f"workbench.{room}.tasks")
    run_worker(make_parts(settings()))


@cli.command("migrate")
def migrate_command() -> None:
    """Bring the database to this version's schema, make the application's role, enter the first data if missing."""
    with connected(settings()) as parts:
        enter_first_data(parts)
        click.echo("The database has this version's schema.")


@cli.group("audit")
def audit_group() -> None:
    """The audit log."""


@audit_group.command("verify")
def audit_verify_command() -> None:
    """Recompute every chain and hold it against the signed checkpoints; exits 1 naming each broken entry."""
    from workbench.kernel import audit_verify

    configured = settings()
    with connected(configured) as parts:
        url = parts.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        files = [configured.audit_dir / checkpoints.CHECKPOINTS]
        files += [configured.checkpoint_copy] if configured.checkpoint_copy else []
        code = audit_verify.report(url, files, parts.secrets.checkpoint_public_pem())
    sys.exit(code)


@audit_group.command("checkpoint")
def audit_checkpoint_command() -> None:
    """Sign the audit chains that grew, without waiting for the worker's next minute."""
    configured = settings()
    with connected(configured) as parts:
        with parts.work() as session:
            number = checkpoints.take_checkpoint(session, parts.secrets)
        with parts.work() as session:
            checkpoints.export_checkpoints(session, configured, parts.secrets)
    click.echo(f"Checkpoint {number} signed." if number else "Nothing has happened since the last checkpoint.")


@cli.command("intake")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
def intake_command(path: Path) -> None:
    """Take in a folder or ZIP with case.json and its files, all or nothing."""
    from workbench.documents.intake import run_intake

    with connected(settings()) as parts:
        code = run_intake(parts, path, system_actor("intake"))
    sys.exit(code)


@cli.group("registry")
def registry_group() -> None:
    """The enterprise registry that codes are looked up in when somebody registers."""


@registry_group.command("load")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def registry_load_command(path: Path) -> None:
    """Add or correct the records of a CSV file with the columns uscc,name (UTF-8 or GB 18030), all or nothing."""
    from workbench.portal.accounts import registry

    try:
        with connected(settings()) as parts, parts.work() as session:
            count = registry.load(session, system_actor("registry load"), path.read_bytes())
    except registry.BadRegistryFile as error:
        click.echo(f"Nothing was loaded from {path}:\n{error}", err=True)
        sys.exit(1)
    click.echo(f"{count} enterprises are in the registry as {path.name} has them.")


@cli.command("create-administrator")
@click.argument("login")
@click.argument("name")
def create_administrator_command(login: str, name: str) -> None:
    """Make the first administrator of a fresh installation; prints a password that must be changed at once."""
    from workbench.organisation.service import create_staff

    with connected(settings()) as parts, parts.work() as session:
        _, password = create_staff(
            session, system_actor("create-administrator"), login=login, name=name, roles={Role.ADMINISTRATOR}
        )
    click.echo(f"First password of {login}: {password}")


cli.add_command(bench_agent)


def main() -> None:
    """Run the command line; a bad setting is told in words, not in a traceback."""
    try:
        cli()
    except BadSettings as error:
        click.echo(str(error), err=True)
        sys.exit(2)
