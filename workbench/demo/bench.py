"""The demo's bench: a drawer of software tokens that lie in stock, a station, and what its agent is started with.

The drawer is filled up at each start. Where the tokens cannot be had, or another CA than the trial one issues, the demo
does without a bench and says so.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.config import Settings
from workbench.demo.trial_keys import FOLDER
from workbench.kernel.files import put_private
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.keys.models import Token
from workbench.production.agent.config import PREFIX, is_loopback
from workbench.production.algorithms import Algorithm
from workbench.production.models import BenchStation
from workbench.production.stations import create_station, hash_of, renew_credential
from workbench.production.stock import take_in_delivery
from workbench.production.stock_file import read_list
from workbench.production.tokens.choosing import DriverKind, load_driver
from workbench.production.tokens.driver import TokenDriver, TokenFault
from workbench.production.tokens.softhsm import Store
from workbench.production.tokens.software import MODEL, SoftwareSm2Driver

STATION: Final = "演示制作台"
BLANK_TOKENS: Final = 30
BOX: Final = "演示箱"
_SOFTHSM_MODEL: Final = "SoftHSM 2"
_ACTOR: Final = system_actor("demo")
_STORE_OF_PROCESS: Final = "SOFTHSM2_CONF"


@dataclass(frozen=True)
class Drawer:
    """Where tokens are, and what is needed to write on them."""

    kind: DriverKind
    folder: Path
    so_pin_file: Path

    def open(self) -> TokenDriver:
        """The driver of its tokens. The process has one store of SoftHSM at a time: see `own_store`.

        Raises:
            TokenFault: the tokens' library is missing.
        """
        if self.kind is DriverKind.SM2_SOFTWARE:
            return SoftwareSm2Driver(self.folder)
        Store(self.folder).activate()
        return load_driver(self.kind, None, self.so_pin_file.read_text(), self.folder)

    def fill(self, count: int) -> list[str]:
        """The serial numbers of its blank tokens, at least so many.

        Raises:
            TokenFault: the tokens' library is missing, or the disk is full.
        """
        driver = self.open()
        missing = max(0, count - len(_blank(driver)))
        if isinstance(driver, SoftwareSm2Driver):
            driver.add_blank_tokens(missing)
        else:
            Store(self.folder).add_blank_tokens(missing, self.so_pin_file.read_text())
        return _blank(driver)

    def take_in(self, session: Session, serials: Sequence[str]) -> None:
        """Enter those that the stock does not know, as a delivery of their own."""
        model = MODEL if self.kind is DriverKind.SM2_SOFTWARE else _SOFTHSM_MODEL
        known = set(session.scalars(select(Token.serial).where(Token.serial.in_(serials))))
        fresh = [serial for serial in serials if serial not in known]
        if fresh:
            listed = "\n".join(("serial", *fresh)).encode()
            take_in_delivery(session, _ACTOR, read_list("demo.csv", listed, model=model, box=BOX, alike=False))


def lay_out_bench(settings: Settings, url: str, progress: Callable[[str], None]) -> Mapping[str, str] | None:
    """Fill the drawer, take its tokens into stock, and have a station with a credential in var/demo.

    Repeated, it adds what is missing. A bench that the administrator revoked stays revoked.

    Args:
        settings: with the application's database address.
        url: where this machine reaches the server.
        progress: told a line about what was laid out, or why nothing was.

    Returns:
        the environment its agent is started with; None when the demo does without.
    """
    if settings.ca != "embedded":
        progress("No demo bench: its software tokens are for the trial authority alone.")
        return None
    if not is_loopback(urlsplit(url).hostname or ""):
        progress(f"No demo bench: its agent speaks plain HTTP to this machine alone, not to {url}.")
        return None
    folder = settings.var_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    drawer = drawer_of(settings, "tokens")
    try:
        with own_store():
            serials = drawer.fill(BLANK_TOKENS)
    except TokenFault as fault:
        progress(f"No demo bench, everything else works. {fault.detail}")
        return None
    parts = make_parts(settings)
    try:
        with parts.work() as session:
            drawer.take_in(session, serials)
        credential_file = _have_station(parts, folder / "station.credential")
    finally:
        parts.engine.dispose()
    if credential_file is None:
        progress(f"No demo bench: {STATION} was revoked.")
        return None
    progress(f"Demo bench {STATION}: {len(serials)} blank tokens in {drawer.folder}.")
    told = {
        "SERVER": url,
        "CREDENTIAL_FILE": credential_file,
        "DRIVER": drawer.kind.value,
        "SO_PIN_FILE": drawer.so_pin_file,
        "TOKEN_FOLDER": drawer.folder,
        "LANGUAGE": "en",
    }
    return {f"{PREFIX}{name}": str(value) for name, value in told.items()}


def drawer_of(settings: Settings, name: str) -> Drawer:
    """The drawer of this name in the demo's folder, for tokens of the configured algorithm."""
    folder = settings.var_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    so_pin_file = folder / "so-pin"
    if not so_pin_file.exists():
        put_private(so_pin_file, "".join(secrets.choice("0123456789") for _ in range(8)).encode(), replace=True)
    if Algorithm(settings.key_algorithm) is Algorithm.SM2:
        return Drawer(DriverKind.SM2_SOFTWARE, folder / f"{name}-sm2", so_pin_file)
    return Drawer(DriverKind.SOFTHSM, folder / name, so_pin_file)


def _blank(driver: TokenDriver) -> list[str]:
    return [each.serial for each in driver.list_tokens() if each.blank]


def _have_station(parts: Parts, path: Path) -> Path | None:
    """The file with the station's credential; None when the station was revoked."""
    with parts.work() as session:
        station = session.scalars(select(BenchStation).where(BenchStation.name == STATION)).one_or_none()
        if station is None:
            _, value = create_station(session, _ACTOR, STATION)
        elif station.revoked_at is not None:
            return None
        elif path.exists() and hash_of(path.read_text().strip()) == station.sha256:
            return path
        else:
            _, value = renew_credential(session, _ACTOR, station.id)
        put_private(path, value.encode(), replace=True)
    return path


@contextmanager
def own_store() -> Iterator[None]:
    """SoftHSM finds its tokens by the environment: what was there before must hold again for whatever comes after."""
    before = os.environ.get(_STORE_OF_PROCESS)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_STORE_OF_PROCESS, None)
        else:
            os.environ[_STORE_OF_PROCESS] = before
