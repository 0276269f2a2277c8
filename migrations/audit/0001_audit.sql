-- Who was allowed to do what, and who was not.
--
-- A database of its own: the registry's can be made again from the log, and this
-- cannot. Rows are only ever added. Each has the digest of itself and of the row
-- before it, so that one who changes the file, which no trigger prevents, changes
-- every digest after.

create table audit (
    audit_id integer primary key check (audit_id > 0),
    -- RFC 3339, in UTC, to the millisecond: at one precision, text sorts as time.
    at text not null check (length(at) = 24),
    -- As policies write them: `User::"sso/alice"`, `Package::"com.acme/weather"`.
    actor text not null,
    action text not null,
    resource text not null,
    outcome text not null check (outcome in ('allowed', 'denied')),
    -- The policies that decided: a JSON array of their ids.
    policies text not null check (json_valid(policies)),
    -- What else there is to say.
    reason text,
    digest text not null unique check (length(digest) = 71)
) strict;

create index audit_by_time on audit (at);

create trigger audit_follows
before insert on audit
when new.audit_id != (select coalesce(max(audit_id), 0) + 1 from audit)
begin
    select raise(abort, 'the audit log only grows, at its end');
end;

create trigger audit_is_immutable before update on audit
begin
    select raise(abort, 'what was audited stays as it was written');
end;

create trigger audit_is_permanent before delete on audit
begin
    select raise(abort, 'what was audited stays as it was written');
end;
