"""The parts a running process is put together from: what web requests, tasks and commands share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from workbench.config import Settings
from workbench.kernel.blobs import BlobStore
from workbench.kernel.db import make_engine, make_session_factory, unit_of_work
from workbench.kernel.identity import EVERYWHERE, Scope
from workbench.kernel.secrets import Secrets


@dataclass(frozen=True)
class Parts:
    """Settings and the long-lived things made from them."""

    settings: Settings
    engine: Engine
    session_factory: sessionmaker[Session]
    secrets: Secrets
    blobs: BlobStore

    @contextmanager
    def work(self, scope: Scope = EVERYWHERE) -> Iterator[Session]:
        """A unit of work outside a request; the product's own commands and tasks see every authority."""
        with unit_of_work(self.session_factory, scope) as session:
            yield session


def make_parts(settings: Settings, app_url: str | None = None) -> Parts:
    """The parts of one process, connected under the application's role.

    Raises:
        ValueError: no database address is known: `migrate` has not prepared one and none is configured.
    """
    url = app_url or settings.app_database_url
    if url is None:
        raise ValueError("No application database address: start with `serve`, or set WORKBENCH_APP_DATABASE_URL.")
    # A request may need a second connection beside its own: a throttle, a use-once token, a read beyond its scope.
    engine = make_engine(url, pool_size=max(10, 2 * settings.web_threads + 2))
    return Parts(
        settings=settings,
        engine=engine,
        session_factory=make_session_factory(engine, settings.site_url),
        secrets=Secrets.load_or_create(settings.key_dir),
        blobs=BlobStore(settings.blob_dir),
    )
