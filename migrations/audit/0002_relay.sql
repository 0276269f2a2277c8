-- How far what was audited was passed on, so that a stop and a syslog that was away
-- leave nothing out.

create table relay (
    address  text    primary key,                            -- `tls://logs.acme.example:6514`
    audit_id integer not null check (audit_id >= 0)          -- the last record that was sent
) strict;
