"""What the tests of CMP share: an authority that asks a CA of the test's own, and orders for P-256 keys."""

from pathlib import Path

from tests.support.ca import a_key, an_order
from tests.support.cmp_server import CmpServer
from workbench.config import Settings
from workbench.production.algorithms import Algorithm
from workbench.production.ca.choosing import cmp_authority
from workbench.production.ca.cmp import CmpAuthority
from workbench.production.ca.connector import IssueOrder


def settings_for(ca: CmpServer, folder: Path, **changed: object) -> Settings:
    """Settings that name this CA; None takes one away."""
    return Settings(var_dir=folder, **{"cmp_timeout_seconds": 20.0, **ca.settings, **changed})


def desk(ca: CmpServer, folder: Path, **changed: object) -> CmpAuthority:
    """The product's connector to this CA, as it is made anew for each call."""
    return cmp_authority(settings_for(ca, folder, **changed), Algorithm.P_256)


def order(folder: Path, number: int = 1) -> IssueOrder:
    """An order for the key of an invented enterprise."""
    return an_order(a_key(Algorithm.P_256, folder), Algorithm.P_256, number=number)


def kept(folder: Path, asked: IssueOrder) -> set[str]:
    """The files of an order's exchange."""
    found = folder / "ca" / "cmp" / asked.transaction_id
    return {path.name for path in found.iterdir()} - {".lock"} if found.exists() else set()
