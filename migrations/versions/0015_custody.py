"""The fences around production, and custody that the database itself keeps whole: an entry that does not begin where the
one before ended is refused, and a token's row changes by its entries alone.
"""

from collections.abc import Sequence

from alembic import op

from migrations.fences import fence_by_authority, fence_to_house, let_only_grow

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BY_AUTHORITY = ("destruction", "token", "custody_entry", "seal", "making", "certificate_order")
HOUSE_ONLY = ("bench_station", "batch", "revocation_order", "trial_entry")

FOLLOW = """
CREATE FUNCTION follow_custody() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held token%ROWTYPE;
    scope text := coalesce(current_setting('workbench.scope', true), '');
BEGIN
    SELECT * INTO held FROM token WHERE id = NEW.token_id FOR UPDATE;
    IF NOT FOUND OR (scope <> '*' AND (held.authority_id = ANY (string_to_array(scope, ',')::bigint[])) IS NOT TRUE) THEN
        RAISE EXCEPTION 'there is no such token' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (NEW.seq, NEW.from_custodian, coalesce(NEW.from_ref, 0), NEW.state_before)
        <> (held.custody_seq + 1, held.custodian, coalesce(held.custodian_ref, 0), held.state)
        OR NEW.at < held.moved_at
    THEN
        RAISE EXCEPTION 'custody of token % would have a gap or an overlap', held.serial
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE token SET custody_seq = NEW.seq, custodian = NEW.to_custodian, custodian_ref = NEW.to_ref,
        state = NEW.state_after, moved_at = NEW.at, authority_id = NEW.authority_id,
        application_id = NEW.application_id WHERE id = held.id;
    RETURN NEW;
END
$$
"""
GUARD = """
CREATE FUNCTION guard_token() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (NEW.state, NEW.custodian, NEW.custody_seq) <> ('unknown', 'supplier', 0) THEN
            RAISE EXCEPTION 'a token begins with its first custody entry' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF ROW(NEW.*) IS DISTINCT FROM ROW(OLD.*) AND (pg_trigger_depth() = 1
        -- A trigger on a temporary table runs deeper too, but never as the owner, as follow_custody() does.
        OR current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID))
    THEN
        RAISE EXCEPTION 'a token changes by custody entries alone' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$
"""
BEGUN = """
CREATE FUNCTION demand_custody() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM custody_entry WHERE token_id = NEW.id) THEN
        RAISE EXCEPTION 'token % is in nobody''s hands', NEW.serial USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    for table in BY_AUTHORITY:
        fence_by_authority(table)
    for table in HOUSE_ONLY:
        fence_to_house(table)
    for function in (FOLLOW, GUARD, BEGUN):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER follow_custody BEFORE INSERT ON custody_entry FOR EACH ROW EXECUTE FUNCTION follow_custody()"
    )
    op.execute(
        "CREATE TRIGGER guard_token BEFORE INSERT OR UPDATE ON token FOR EACH ROW EXECUTE FUNCTION guard_token()"
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER demand_custody AFTER INSERT ON token DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION demand_custody()"
    )
    let_only_grow("custody_entry")


def downgrade() -> None:
    for trigger in ("only_grows", "never_emptied", "follow_custody"):
        op.execute(f"DROP TRIGGER {trigger} ON custody_entry")
    for trigger in ("demand_custody", "guard_token"):
        op.execute(f"DROP TRIGGER {trigger} ON token")
    for function in ("demand_custody", "guard_token", "follow_custody"):
        op.execute(f"DROP FUNCTION {function}()")
    for table in (*BY_AUTHORITY, *HOUSE_ONLY):
        op.execute(f"DROP POLICY by_authority ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
