"""Plain SQL under the application's role: no statement changes a token but by an entry that follows from the last one,
and none changes an entry. What is tried here was refused by the database alone, whatever the code above it does.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import text

from tests.integration.keys.custody import Stock
from tests.support.casework import open_office
from tests.support.database import Database, TestServer
from workbench.kernel.db import make_engine
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import move

BROKEN, FORBIDDEN, UNREFERENCED, MISSING, WRONG = "23000", "42501", "23503", "23502", "23514"
"""SQLSTATEs: our triggers' refusal, no right, a row still referred to, a missing value, a value that cannot be."""
NEW_TOKEN: Final = (
    "INSERT INTO public.token (serial, model, box, imported_at, moved_at{columns}) "
    "VALUES ('EK-NEW', 'x', 'x', now(), now(){values})"
)
ENTRY: Final = (
    "INSERT INTO public.custody_entry (token_id, seq, at, event, from_custodian, from_ref, to_custodian, to_ref, "
    "state_before, state_after, authority_id, actor, actor_name, address) "
    "SELECT {token}, {seq}, {at}, 'x', {from_custodian}, {from_ref}, {to_custodian}, {to_ref}, "
    "{state_before}, {state_after}, {authority_id}, 'x', 'x', ''"
)
TRAP: Final = (
    "CREATE TEMP TABLE bait (x integer)",
    "CREATE FUNCTION pg_temp.bite() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN UPDATE public.token SET state = 'destroyed'; RETURN NEW; END $$",
    "CREATE TRIGGER bite AFTER INSERT ON bait FOR EACH ROW EXECUTE FUNCTION pg_temp.bite()",
    "INSERT INTO bait VALUES (1)",
)
"""A trigger of one's own, from which a statement runs one level deeper, as those of ours do."""


def new_token(**columns: str) -> str:
    return NEW_TOKEN.format(
        columns="".join(f", {each}" for each in columns), values="".join(f", {each}" for each in columns.values())
    )


def entry(serial: str = "EK000001", **changes: str) -> str:
    """An entry that follows from the token's first one, but for what is changed."""
    values = {
        "token": f"(SELECT id FROM public.token WHERE serial = '{serial}')",
        "seq": "2",
        "at": "now()",
        "from_custodian": "'vendor_stock'",
        "from_ref": "NULL",
        "to_custodian": "'maker'",
        "to_ref": "7",
        "state_before": "'blank'",
        "state_after": "'allocated'",
        "authority_id": "NULL",
    }
    return ENTRY.format(**values | changes)


OTHER: Final = "(SELECT id FROM public.token WHERE serial = 'EK000002')"
FIRST: Final = entry(
    "EK-NEW",
    seq="1",
    from_custodian="'supplier'",
    to_custodian="'vendor_stock'",
    to_ref="NULL",
    state_before="'unknown'",
    state_after="'blank'",
)


@pytest.fixture(scope="module")
def database(database_server: TestServer) -> Iterator[Database]:
    """One database for all attacks: none changes it."""
    copy = database_server.copy()
    yield copy
    database_server.drop(copy)


@pytest.fixture(scope="module")
def stock(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """Token EK000001 is blank, EK000002 is with its maker for the first authority."""
    engine = make_engine(database.app_url)
    stock = Stock(open_office(engine, tmp_path_factory.mktemp("office")))
    _, taken = stock.blank(2)
    with stock.office.work() as session:
        move(session, taken, TokenMove.ALLOCATE, stock.maker, to_ref=7, authority_id=stock.office.authority_ids[0])
    yield stock
    engine.dispose()


@pytest.fixture
def house(stock: Stock, database: Database) -> Iterator[psycopg.Connection[Any]]:
    """The application's role with the widest scope there is."""
    with psycopg.connect(database.app_url.replace("+psycopg", ""), autocommit=True) as connection:
        scope(connection, "*")
        yield connection


def scope(connection: psycopg.Connection[Any], reach: str) -> None:
    connection.execute("SELECT set_config('workbench.scope', %s, false)", [reach])


def seen(stock: Stock) -> list[tuple[Any, ...]]:
    """Everything that must stay as it is."""
    with stock.office.work() as session:
        tokens = session.execute(text("SELECT t::text FROM token t ORDER BY id")).all()
        return [*map(tuple, tokens), *map(tuple, session.execute(text("SELECT c::text FROM custody_entry c")).all())]


def attempt(connection: psycopg.Connection[Any], statements: Sequence[str]) -> str | None:
    """The SQLSTATE with which a transaction of these statements was refused."""
    try:
        with connection.transaction():
            for each in statements:
                connection.execute(each)
    except psycopg.Error as refused:
        return refused.sqlstate
    return None


@pytest.mark.parametrize(
    ("statements", "state"),
    [
        (["UPDATE token SET state = 'destroyed'"], BROKEN),
        (["UPDATE token SET custodian = 'maker', custodian_ref = 7"], BROKEN),
        (["UPDATE token SET custody_seq = 0"], BROKEN),
        (["UPDATE token SET moved_at = moved_at - interval '1 day'"], BROKEN),
        (["UPDATE token SET authority_id = NULL, application_id = NULL WHERE serial = 'EK000002'"], BROKEN),
        (["UPDATE token SET serial = serial || 'x'"], BROKEN),
        (["UPDATE token SET model = 'x', box = 'x'"], BROKEN),
        (["INSERT INTO token SELECT * FROM token ON CONFLICT (serial) DO UPDATE SET state = 'lost'"], BROKEN),
        ([new_token().replace("EK-NEW", "EK000001") + " ON CONFLICT (serial) DO UPDATE SET state = 'lost'"], BROKEN),
        (["DELETE FROM token"], UNREFERENCED),
        (["TRUNCATE token CASCADE"], FORBIDDEN),
        (["UPDATE custody_entry SET remark = 'x'"], FORBIDDEN),
        (["UPDATE custody_entry SET to_ref = 8 WHERE to_ref = 7"], FORBIDDEN),
        (["DELETE FROM custody_entry"], FORBIDDEN),
        (["TRUNCATE custody_entry"], FORBIDDEN),
        (["ALTER TABLE custody_entry DISABLE TRIGGER ALL"], FORBIDDEN),
        (["ALTER TABLE token DISABLE TRIGGER guard_token"], FORBIDDEN),
        (["DROP TRIGGER follow_custody ON custody_entry"], FORBIDDEN),
        (["CREATE OR REPLACE FUNCTION follow_custody() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'"], FORBIDDEN),
        (["SET session_replication_role = replica", "UPDATE token SET state = 'lost'"], FORBIDDEN),
        (["SET CONSTRAINTS ALL DEFERRED", "UPDATE token SET state = 'lost'"], BROKEN),
        (TRAP, BROKEN),
        (
            (
                "SET LOCAL search_path = pg_temp, pg_catalog",
                "CREATE TEMP TABLE pg_class (oid oid, relowner oid)",
                "INSERT INTO pg_temp.pg_class SELECT 'public.token'::regclass, usesysid "
                "FROM pg_catalog.pg_user WHERE usename = current_user",
                *TRAP,
            ),
            BROKEN,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value[-1][:60],
)
def test_neither_tokens_nor_entries_are_changed(
    stock: Stock, house: psycopg.Connection[Any], statements: Sequence[str], state: str
) -> None:
    before = seen(stock)
    assert attempt(house, statements) == state
    assert seen(stock) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": "1"},
        {"seq": "3"},
        {"seq": "0"},
        {"from_custodian": "'maker'"},
        {"from_custodian": "'supplier'"},
        {"from_ref": "7"},
        {"from_ref": "-1"},
        {"state_before": "'allocated'"},
        {"state_before": "'unknown'"},
        {"at": "now() - interval '1 hour'"},
        {"at": "'-infinity'"},
        {"token": OTHER},
        {"token": OTHER, "seq": "3", "from_custodian": "'maker'", "from_ref": "8", "state_before": "'allocated'"},
    ],
    ids=str,
)
def test_an_entry_begins_where_and_when_the_last_one_ended(
    stock: Stock, house: psycopg.Connection[Any], changes: dict[str, str]
) -> None:
    before = seen(stock)
    assert attempt(house, [entry(**changes)]) == BROKEN
    assert seen(stock) == before


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"to_ref": "NULL"}, WRONG),
        ({"to_custodian": "'vendor_stock'"}, WRONG),
        ({"to_custodian": "'somebody'"}, WRONG),
        ({"state_after": "'golden'"}, WRONG),
        ({"from_custodian": "NULL"}, MISSING),
        ({"state_before": "NULL"}, MISSING),
        ({"at": "NULL"}, MISSING),
        ({"seq": "NULL"}, MISSING),
        ({"to_custodian": "NULL"}, MISSING),
    ],
    ids=str,
)
def test_an_entry_says_where_the_token_is(
    stock: Stock, house: psycopg.Connection[Any], changes: dict[str, str], state: str
) -> None:
    before = seen(stock)
    assert attempt(house, [entry(**changes)]) == state
    assert seen(stock) == before


def test_one_statement_writes_no_entry_twice(stock: Stock, house: psycopg.Connection[Any]) -> None:
    before = seen(stock)
    for again in ("", " ON CONFLICT DO NOTHING"):
        assert attempt(house, [f"{entry()} FROM generate_series(1, 2){again}"]) == BROKEN
        assert seen(stock) == before


@pytest.mark.parametrize(
    ("statements", "state"),
    [
        ([new_token()], BROKEN),
        ([new_token(state="'blank'", custodian="'vendor_stock'", custody_seq="1")], BROKEN),
        ([new_token(state="'blank'")], BROKEN),
        ([new_token(custodian="'vendor_stock'")], BROKEN),
        ([new_token(), "SET LOCAL workbench.scope = ''"], BROKEN),
        (
            [
                "CREATE TEMP TABLE custody_entry (token_id bigint)",
                new_token(),
                "INSERT INTO pg_temp.custody_entry SELECT id FROM public.token",
            ],
            BROKEN,
        ),
        ([new_token(), FIRST.replace("'supplier'", "'vendor_stock'")], BROKEN),
    ],
    ids=["no entry", "finished", "state", "custodian", "scope taken away", "entry elsewhere", "from elsewhere"],
)
def test_no_token_is_in_nobodys_hands(
    stock: Stock, house: psycopg.Connection[Any], statements: Sequence[str], state: str
) -> None:
    before = seen(stock)
    assert attempt(house, statements) == state
    assert seen(stock) == before


def test_what_follows_is_let_through(stock: Stock, house: psycopg.Connection[Any]) -> None:
    """Otherwise the refusals above prove nothing."""
    again = {"seq": "3", "from_custodian": "'maker'", "from_ref": "7", "state_before": "'allocated'", "to_ref": "8"}
    with house.transaction(force_rollback=True):
        for each in (new_token(), FIRST, "SET CONSTRAINTS ALL IMMEDIATE", entry("EK-NEW"), entry("EK-NEW", **again)):
            house.execute(each)
        now_at = house.execute("SELECT state, custodian, custodian_ref, custody_seq FROM token WHERE serial = 'EK-NEW'")
        assert now_at.fetchone() == ("allocated", "maker", 8, 3)


def test_a_narrower_scope_moves_and_plants_nothing_elsewhere(stock: Stock, house: psycopg.Connection[Any]) -> None:
    mine, theirs = (str(each) for each in stock.office.authority_ids)
    before = seen(stock)
    from_maker = {"seq": "3", "from_custodian": "'maker'", "from_ref": "7", "state_before": "'allocated'"}
    ids = dict(house.execute("SELECT serial, id FROM token").fetchall())
    scope(house, theirs)
    follows: list[tuple[str, dict[str, str]]] = [("EK000001", {}), ("EK000002", from_maker)]
    for serial, changes in follows:
        for authority in ("NULL", mine, theirs):
            direct = entry(**changes, token=str(ids[serial]), authority_id=authority)
            assert attempt(house, [direct]) == FORBIDDEN, (serial, authority)
    assert attempt(house, [new_token()]) == FORBIDDEN
    assert attempt(house, [new_token(authority_id=mine)]) == FORBIDDEN
    scope(house, mine)
    for authority in ("NULL", theirs):
        assert attempt(house, [entry("EK000002", **from_maker, authority_id=authority)]) == FORBIDDEN, authority
    assert seen(stock) == before
    with house.transaction(force_rollback=True):
        house.execute(entry("EK000002", **from_maker, authority_id=mine))


@pytest.mark.parametrize("reach", ["", "0", "*,1", "99999"])
def test_without_a_good_scope_there_are_no_tokens(stock: Stock, house: psycopg.Connection[Any], reach: str) -> None:
    before = seen(stock)
    scope(house, reach)
    for table in ("token", "custody_entry"):
        try:
            assert house.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        except psycopg.errors.DataError:
            assert reach == "*,1"
    # The token's own number is found in a scope alone; with none of its own, an entry is about no token.
    assert attempt(house, [entry()]) in {FORBIDDEN, MISSING, "22P02"}
    assert seen(stock) == before
