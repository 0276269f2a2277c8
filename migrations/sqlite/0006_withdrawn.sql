-- Whoever follows the lists of the MCP registry's API is told what can be had no longer.
--
-- A release that was listed keeps its place when it is withdrawn, be it taken down, no
-- longer admitted, or no longer vouched for by its source: `is_shown` stays 1, and it is
-- listed as deleted, without its document, to those who ask for deletions. One that was
-- never listed has `is_shown` 0, and nobody is told of it.

alter table server add column withdrawn_at text; -- null while it can be had

-- What an earlier database of this registry had listed of releases that its log is yet to
-- bring back: without it, a database that is made again would have withdrawn nothing, and
-- everything in it would be new.
create table listed_before (
    name_key     text    not null,        -- in lower case
    version      text    not null,
    updated_at   text    not null,
    withdrawn_at text,

    primary key (name_key, version)
) strict, without rowid;

-- Nothing is listed before a start has said what waits for a decision: a log that was
-- applied before, as `mirror sync` does, shows nobody anything.
update gate set is_closed = 1;
