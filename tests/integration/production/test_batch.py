"""Batches of keys, each then looked at from outside: fifty on SoftHSM with the embedded CA, others with RSA by an agent
of its own process, others by a CA that is OpenSSL's own CMP server.
"""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy import select

from tests.support.agent_process import AgentProcess, eventually, served
from tests.support.bench import Agent, Workshop, open_workshop
from tests.support.casework import SYSTEM
from tests.support.cmp_server import CmpServer, cmp_server
from tests.support.database import Database
from tests.support.outside import BOUND, Authority, Token
from tests.support.perseverance import errands
from tests.support.reckoning_keys import unfinished
from tests.support.tokens import Bench, softhsm_bench
from workbench import create_app
from workbench.cases.models import Application
from workbench.kernel.crypto import open_secret
from workbench.kernel.identity import Role
from workbench.keys.models import Certificate, Seal
from workbench.production import ending, stations
from workbench.production.algorithms import Algorithm
from workbench.production.batches import start_batch
from workbench.production.ca.choosing import find_embedded
from workbench.production.giving import SEAL_LABEL
from workbench.production.labels import print_labels
from workbench.production.models import Batch, Making
from workbench.production.tokens.softhsm import find_library

FIFTY = 50
pytestmark = [pytest.mark.serial, pytest.mark.timeout(600)]


@pytest.fixture
def cmp_ca(tmp_path: Path) -> Iterator[CmpServer]:
    with cmp_server(tmp_path / "cmp") as ca:
        yield ca


class Drawer:
    """A workshop with its tokens, and a way to look at each from outside."""

    def __init__(self, workshop: Workshop, folder: Path, count: int) -> None:
        self.workshop, self.folder = workshop, folder
        algorithm = Algorithm(workshop.parts.settings.key_algorithm)
        self.tokens: Bench = softhsm_bench(folder / "tokens", algorithm)
        workshop.stock(*self.tokens.add(count))
        self.cases = [workshop.approved() for _ in range(count)]

    def start(self, station: int) -> int:
        """A batch of all that is here."""
        with self.workshop.parts.work() as session:
            return start_batch(session, self.workshop.maker, station, len(self.cases)).id

    def ended(self, batch: int) -> tuple[str, int]:
        found = self.workshop.read(lambda session: session.get_one(Batch, batch))
        return found.state, found.made

    def makings(self) -> Sequence[Making]:
        return self.workshop.read(lambda session: session.scalars(select(Making).order_by(Making.id)).all())

    def authority(self) -> Authority:
        """The embedded CA with the revocation list that it publishes."""
        found = find_embedded(self.workshop.parts, self.tokens.algorithm)
        assert found is not None
        return Authority.write(self.folder / "authority", found.chain(), found.crl())

    def look_at_each(self, authority: Authority) -> None:
        """Every key: one bound pair whose key signs, the certificate and seal of the records, vouched for by the CA."""
        assert authority.list_is_genuine()
        seen = set()
        for making in self.makings():
            token = self._outside(making)
            listing, openly = token.listing(), token.listing(signed_in=False)
            assert token.key_ids() == [making.key_id]
            assert BOUND in listing
            kinds = ("Private Key Object", "Public Key Object", "Certificate Object", "Data object")
            assert [listing.count(each) for each in kinds] == [1, 1, 1, 1]
            assert [openly.count(each) for each in kinds] == [0, 1, 1, 0]
            certificate = token.certificate(making.key_id)
            assert authority.verify(certificate) == "ok"
            assert token.signs(making.key_id, f"示例 {making.id}".encode(), certificate)
            on_record, seal = self._on_record(making)
            assert certificate.read_bytes() == on_record
            assert token.data(SEAL_LABEL) == seal
            seen.add(on_record)
        assert len(seen) == len(self.cases)

    def _outside(self, making: Making) -> Token:
        number = self.workshop.read(lambda session: session.get_one(Application, making.application_id).number)
        assert making.pin_ciphertext is not None
        pin, library = open_secret(self.workshop.parts.secrets, making.pin_ciphertext), find_library()
        assert library is not None
        return Token(library, self.folder / "tokens" / "softhsm2.conf", number, pin, self.folder)

    def _on_record(self, making: Making) -> tuple[bytes, bytes]:
        certificate, structure = self.workshop.read(
            lambda session: session.execute(
                select(Certificate.certificate, Seal.structure_sha256)
                .join(Seal, Seal.application_id == Certificate.application_id)
                .where(Certificate.application_id == making.application_id, Certificate.state == "valid")
            ).one()
        )
        assert certificate is not None
        assert structure is not None
        return certificate, self.workshop.parts.blobs.get(structure)


def test_fifty_keys_in_a_batch_hold_from_outside(fresh_database: Database, tmp_path: Path) -> None:
    with open_workshop(fresh_database, tmp_path) as workshop:
        drawer = Drawer(workshop, tmp_path, FIFTY)
        station = workshop.bench()
        batch = drawer.start(station)
        Agent(workshop.parts, station, drawer.tokens.driver).work(turns=3 * FIFTY)
        assert drawer.ended(batch) == ("done", FIFTY)
        assert unfinished(workshop.parts, drawer.cases) == []
        drawer.look_at_each(drawer.authority())
        _print_all_labels(drawer)
        _end_one(drawer)


def _print_all_labels(drawer: Drawer) -> None:
    """Their labels come out, a page each, and only now is anything marked as printed."""
    with drawer.workshop.parts.work() as session:
        pdf = print_labels(session, drawer.workshop.maker, [each.id for each in drawer.makings()])
    assert len(pypdfium2.PdfDocument(pdf)) == FIFTY
    assert all(each.label_printed_at is not None for each in drawer.makings())
    assert unfinished(drawer.workshop.parts, drawer.cases) == []


def _end_one(drawer: Drawer) -> None:
    """One of them is revoked: openssl refuses it by the new list, and takes all the others."""
    workshop = drawer.workshop
    supervisor = workshop.office.hire("supervisor", Role.VENDOR_SUPERVISOR)
    (ended,) = workshop.certificates(drawer.cases[0])
    with workshop.parts.work() as session:
        ending.revoke_certificate(session, workshop.parts, supervisor, ended.id, ending.RevokedBecause.LOST, "示例遗失")
    errands(workshop.parts)
    authority = drawer.authority()
    assert authority.list_is_genuine()
    said = {
        making.application_id: authority.verify(drawer.folder / f"{making.key_id}.der") for making in drawer.makings()
    }
    assert "certificate revoked" in said.pop(drawer.cases[0])
    assert set(said.values()) == {"ok"}


def test_ten_rsa_keys_by_a_real_agent_hold_from_outside(fresh_database: Database, tmp_path: Path) -> None:
    with open_workshop(fresh_database, tmp_path, key_algorithm="rsa-2048") as workshop:
        drawer = Drawer(workshop, tmp_path, 10)
        with workshop.parts.work() as session:
            bench, credential = stations.create_station(session, SYSTEM, "一号台")
            stations.take_station(session, workshop.maker, bench.id)
            station = bench.id
        batch = drawer.start(station)
        with served(create_app(parts=workshop.parts)) as site:
            agent = AgentProcess(tmp_path, site.url, credential)
            try:
                agent.start()
                eventually(lambda: drawer.ended(batch)[0] != "running", "the batch's end")
            finally:
                agent.clear_up()
        assert drawer.ended(batch) == ("done", 10)
        assert unfinished(workshop.parts, drawer.cases) == []
        drawer.look_at_each(drawer.authority())


def test_ten_keys_of_a_ca_asked_by_cmp_hold_from_outside(
    fresh_database: Database, tmp_path: Path, cmp_ca: CmpServer
) -> None:
    with open_workshop(fresh_database, tmp_path, **cmp_ca.settings) as workshop:
        drawer = Drawer(workshop, tmp_path, 10)
        station = workshop.bench()
        batch = drawer.start(station)
        Agent(workshop.parts, station, drawer.tokens.driver, software=False).work(turns=30)
        assert drawer.ended(batch) == ("done", 10)
        assert len(cmp_ca.issued) == 10
        assert unfinished(workshop.parts, drawer.cases, cmp_ca.issued) == []
        drawer.look_at_each(_authority_of(cmp_ca))


def _authority_of(ca: CmpServer) -> Authority:
    """The CA's own files, and a revocation list that openssl makes of them."""
    configuration = ca.folder / "list.conf"
    (ca.folder / "index.txt").touch()
    configuration.write_text(
        f"[ca]\ndefault_ca = own\n[own]\ndatabase = {ca.folder}/index.txt\ndefault_md = sha256\ndefault_crl_days = 1\n"
    )
    signing = ["-keyfile", str(ca.folder / "issuing.key"), "-cert", str(ca.folder / "issuing.crt")]
    listed = ca.folder / "list.pem"
    command = ["openssl", "ca", "-gencrl", "-config", str(configuration), *signing, "-out", str(listed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return Authority(ca.folder / "root.crt", ca.folder / "issuing.crt", listed)
