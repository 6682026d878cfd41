"""Verify the audit log from outside: recompute every hash, follow every chain, hold it against the signed checkpoints.

Imports nothing of the product, so that an auditor can read this one file and run it alone:

    python audit_verify.py postgresql://… --checkpoints checkpoints.jsonl --public-key checkpoint_public.pem
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from psycopg.rows import dict_row

GENESIS = "0" * 64
COLUMNS = (
    "chain, seq, at, action, actor, actor_name, address, request_id, subject, case_id, authority_id, "
    "before, after, previous_hash, hash"
)
SIGNED_FIELDS = ("n", "at", "heads", "previous_hash", "hash", "signature")
GRACE = timedelta(minutes=10)
"""How long a checkpoint may stand in the database before it stands in the files: they are written right after it."""
Heads = dict[str, tuple[int, str]]


def instant(at: datetime) -> str:
    """An instant as the hashes cover it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest_of(covered: Mapping[str, Any]) -> str:
    """SHA-256 of the RFC 8785 form."""
    return hashlib.sha256(rfc8785.dumps(dict(covered))).hexdigest()


def read_checkpoint_file(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The lines of a file outside the database, and what cannot be read of it.

    A last line cut short by a crash is not yet a line: the database still holds it.
    """
    if not path.exists():
        return [], [f"{path}: the file of signed checkpoints is missing"]
    content = path.read_bytes()
    lines: list[dict[str, Any]] = []
    problems: list[str] = []
    for number, text in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            line = json.loads(text)
            heads = [(str(chain), int(seq), str(digest)) for chain, seq, digest in line["heads"]]
            lines.append({**{field: line[field] for field in SIGNED_FIELDS}, "heads": [list(head) for head in heads]})
        except (ValueError, KeyError, TypeError):
            problems.append(f"{path}: line {number} is not a checkpoint")
    return lines, problems


def check_checkpoints(lines: list[dict[str, Any]], key: Ed25519PublicKey, where: str) -> Iterator[str]:
    """Numbers without gaps, each naming its predecessor, each signed."""
    previous, expected = GENESIS, 1
    for line in lines:
        name = f"{where}: checkpoint {line['n']}"
        if line["n"] != expected:
            yield f"{where}: checkpoint {expected} is missing, {line['n']} stands in its place"
        if line["previous_hash"] != previous:
            yield f"{name} does not follow the one before it"
        if not _is_hash_of(line["hash"], {field: line[field] for field in ("n", "at", "heads", "previous_hash")}):
            yield f"{name} was changed"
        try:
            key.verify(bytes.fromhex(line["signature"]), bytes.fromhex(line["hash"]))
        except (InvalidSignature, ValueError, TypeError):
            yield f"{name} is not signed by this installation's key"
        previous, expected = line["hash"], line["n"] + 1


def _is_hash_of(digest: str, covered: Mapping[str, Any]) -> bool:
    try:
        return digest_of(covered) == digest
    except (rfc8785.CanonicalizationError, TypeError):
        return False


def signed_heads(lines: list[dict[str, Any]]) -> Heads:
    """The newest signed head of each chain."""
    heads: Heads = {}
    for line in lines:
        for chain, seq, digest in line["heads"]:
            if chain not in heads or heads[chain][0] < seq:
                heads[chain] = (seq, digest)
    return heads


def check_entries(connection: psycopg.Connection[Any], signed: Heads, counted: list[int]) -> Iterator[str]:
    """Walk every chain in order. `counted` receives the number of entries read."""
    chain, expected, previous = "", 1, GENESIS
    ends: Heads = {}
    with connection.cursor(name="entries", row_factory=dict_row) as cursor:
        cursor.itersize = 5000
        cursor.execute(f"SELECT {COLUMNS} FROM audit_entry ORDER BY chain, seq")  # noqa: S608 - our own constant
        for entry in cursor:
            counted[0] += 1
            if entry["chain"] != chain:
                chain, expected, previous = entry["chain"], 1, GENESIS
            name = f"{chain} entry {entry['seq']} ({entry['action']})"
            if entry["seq"] != expected:
                yield f"{chain}: entry {expected} is missing, {entry['seq']} stands in its place"
            if entry["previous_hash"] != previous:
                yield f"{name} does not follow the entry before it"
            covered = {field: value for field, value in entry.items() if field != "hash"} | {"at": instant(entry["at"])}
            if not _is_hash_of(entry["hash"], covered):
                yield f"{name} was changed"
            if signed.get(chain, (0, ""))[0] == entry["seq"] and signed[chain][1] != entry["hash"]:
                yield f"{name} is not what a signed checkpoint saw"
            ends[chain] = (entry["seq"], entry["hash"])
            expected, previous = entry["seq"] + 1, entry["hash"]
    yield from _check_ends(connection, signed, ends)


def _check_ends(connection: psycopg.Connection[Any], signed: Heads, ends: Heads) -> Iterator[str]:
    for chain, (seq, _) in signed.items():
        if ends.get(chain, (0, ""))[0] < seq:
            yield f"{chain}: cut after entry {ends.get(chain, (0, ''))[0]}, a signed checkpoint saw entry {seq}"
    rows = connection.execute("SELECT chain, seq, hash, checkpointed_seq FROM audit_head ORDER BY chain").fetchall()
    heads: Heads = {chain: (seq, digest) for chain, seq, digest, _ in rows if seq > 0}
    for chain in sorted(heads.keys() | ends.keys()):
        seen, kept = ends.get(chain, (0, "")), heads.get(chain, (0, ""))
        if seen != kept:
            yield f"{chain}: ends with entry {seen[0]}, its head names entry {kept[0]}"
    for chain, _, _, claimed in rows:
        if claimed > signed.get(chain, (0, ""))[0]:
            yield f"{chain}: entry {claimed} was signed, but no checkpoint shows it any more"


def check_against_file(database: list[dict[str, Any]], file: list[dict[str, Any]], path: Path) -> Iterator[str]:
    """Each line outside must stand in the database unchanged. The database may be ahead, but not for long."""
    inside = {line["n"]: line["hash"] for line in database}
    for line in file:
        if inside.get(line["n"]) != line["hash"]:
            yield f"{path}: checkpoint {line['n']} is missing from the database or differs there"
    outside = {line["n"] for line in file}
    settled = instant(datetime.now(UTC) - GRACE)
    for line in database:
        if line["n"] not in outside and line["at"] < settled:
            yield f"{path}: checkpoint {line['n']} of {line['at']} stands in the database but not in the file"


def verify(database_url: str, checkpoint_files: list[Path], public_pem: bytes) -> tuple[list[str], int]:
    """Everything that is wrong, in words that name the entry, and the number of entries read.

    Raises:
        ValueError: `public_pem` does not hold an Ed25519 key.
        psycopg.Error: the database does not answer, or hides rows from this role.
    """
    key = load_pem_public_key(public_pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the public key is not an Ed25519 key")
    problems: list[str] = []
    counted = [0]
    with psycopg.connect(database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SELECT set_config('workbench.scope', '*', true)")
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute("SELECT * FROM audit_checkpoint ORDER BY n").fetchall()
        database = [{**row, "at": instant(row["at"])} for row in rows]
        problems += check_checkpoints(database, key, "database")
        everything = list(database)
        for path in checkpoint_files:
            lines, unreadable = read_checkpoint_file(path) if database or path.exists() else ([], [])
            problems += unreadable
            problems += check_checkpoints(lines, key, str(path))
            problems += check_against_file(database, lines, path)
            everything += lines
        problems += check_entries(connection, signed_heads(everything), counted)
    return problems, counted[0]


def report(database_url: str, checkpoint_files: list[Path], public_pem: bytes) -> int:
    """Print each fault on a line of its own; 0 when the log is whole, 1 when it is not."""
    problems, count = verify(database_url, checkpoint_files, public_pem)
    for problem in problems:
        sys.stdout.write(f"BROKEN  {problem}\n")
    sys.stdout.write(f"{count} entries read, {len(problems)} problems found\n")
    return 1 if problems else 0


def main(arguments: list[str] | None = None) -> int:
    """The command: exits as `report` returns."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("database_url")
    parser.add_argument("--checkpoints", type=Path, action="append", default=[])
    parser.add_argument("--public-key", type=Path, required=True)
    options = parser.parse_args(arguments)
    return report(options.database_url, options.checkpoints, options.public_key.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
