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
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.keys.models import Token
from workbench.keys.trial import write_private
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
class _Drawer:
    """Where the tokens are, and what is needed to write on them."""

    kind: DriverKind
    folder: Path
    so_pin_file: Path

    def fill(self) -> list[str]:
        """The serial numbers of its blank tokens, as many as there should be.

        Raises:
            TokenFault: the tokens' library is missing, or the disk is full.
        """
        so_pin = self.so_pin_file.read_text()
        with _own_store():
            if self.kind is DriverKind.SM2_SOFTWARE:
                software = SoftwareSm2Driver(self.folder)
                software.add_blank_tokens(_missing(software))
                return _blank(software)
            store = Store(self.folder)
            store.activate()
            driver = load_driver(self.kind, None, so_pin, self.folder)
            store.add_blank_tokens(_missing(driver), so_pin)
            return _blank(driver)


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
    drawer = _drawer(settings, folder)
    try:
        serials = drawer.fill()
    except TokenFault as fault:
        progress(f"No demo bench, everything else works. {fault.detail}")
        return None
    parts = make_parts(settings)
    try:
        with parts.work() as session:
            _take_in(session, serials, MODEL if drawer.kind is DriverKind.SM2_SOFTWARE else _SOFTHSM_MODEL)
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


def _drawer(settings: Settings, folder: Path) -> _Drawer:
    so_pin_file = folder / "so-pin"
    if not so_pin_file.exists():
        write_private(so_pin_file, "".join(secrets.choice("0123456789") for _ in range(8)).encode())
    if Algorithm(settings.key_algorithm) is Algorithm.SM2:
        return _Drawer(DriverKind.SM2_SOFTWARE, folder / "tokens-sm2", so_pin_file)
    return _Drawer(DriverKind.SOFTHSM, folder / "tokens", so_pin_file)


def _missing(driver: TokenDriver) -> int:
    return max(0, BLANK_TOKENS - len(_blank(driver)))


def _blank(driver: TokenDriver) -> list[str]:
    return [each.serial for each in driver.list_tokens() if each.blank]


def _take_in(session: Session, serials: Sequence[str], model: str) -> None:
    """Enter those that the stock does not know, as a delivery of their own."""
    known = set(session.scalars(select(Token.serial).where(Token.serial.in_(serials))))
    fresh = [serial for serial in serials if serial not in known]
    if fresh:
        listed = "\n".join(("serial", *fresh)).encode()
        take_in_delivery(session, _ACTOR, read_list("demo.csv", listed, model=model, box=BOX, alike=False))


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
        write_private(path, value.encode())
    return path


@contextmanager
def _own_store() -> Iterator[None]:
    """SoftHSM finds its tokens by the environment: what was there before must hold again for whatever comes after."""
    before = os.environ.get(_STORE_OF_PROCESS)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_STORE_OF_PROCESS, None)
        else:
            os.environ[_STORE_OF_PROCESS] = before
