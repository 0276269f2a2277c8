-- What a mirror knows beside the logs that it copies. The first three tables are used in
-- the database of a source, which is an index of that source's log as the registry's own
-- is of its own; the last two in the registry's own.
--
-- In a source's database, `foreign_keys` is off: its log names artifacts that nobody has
-- fetched yet, and a blob has a row only once its bytes are here.

-- Entries that are kept in the copy of the log and not given out, each with why. One that
-- breaks a rule of the log has no row in `entry`; one whose evidence fails has both.
create table withheld (
    log_index    integer primary key,                        -- the entry that is to blame
    fold_key     text    not null,                           -- PackageName::fold_key; empty if unknown
    version      text,                                       -- null: all of the package
    code         text    not null,                           -- mcpkg_core::Code
    reason       text    not null,
    -- Whether it may turn out otherwise when it is asked for again.
    is_passing   integer not null check (is_passing in (0, 1)),
    checked_at   text    not null
) strict;

create index withheld_by_package on withheld (fold_key);
create index withheld_by_age on withheld (checked_at) where is_passing = 1;

-- The signed index of each package that was asked for, of the newest tree that it was
-- fetched for: mcpkg_core::log::IndexNote, byte for byte.
create table held_index (
    fold_key     text    primary key,
    name         text    not null,
    size         integer not null check (size >= 0),
    note         text    not null
) strict;

create index held_index_by_size on held_index (size);

-- Which source a package came from first. It comes from no other after that.
create table claim (
    fold_key     text    primary key,
    source       text    not null,
    claimed_at   text    not null
) strict;

-- Who fetched which bytes, so that they can be told if those are taken down.
create table fetch (
    digest       text    not null,
    source       text    not null, -- empty: the registry itself
    who          text    not null,
    first_at     text    not null,
    last_at      text    not null,
    times        integer not null check (times > 0),

    primary key (digest, source, who)
) strict;
