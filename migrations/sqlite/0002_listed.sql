-- What the MCP registry's API lists: our own releases, and entries that are not ours.
--
-- A page of a hundred servers has to be a walk along one index. So a row holds the
-- document as it is served, and not where its parts are: of a release, a copy of what
-- its blobs say, which may be made again from them; of an entry that is not ours, the
-- original bytes, which are nowhere else.
--
-- What is not ours is signed by nobody that we know. It is listed, and it is never a
-- package: nothing in 0001_packages.sql refers to it.

-- A row per name, so that names can be searched without reading every version.
create table server_name (
    name_id      integer primary key,
    name         text    not null,
    name_key     text    not null unique  -- in lower case: names that differ in case are one
) strict;

-- Parts of names, three characters and longer. Names are never deleted.
create virtual table server_name_text using fts5 (
    name_key, content = '', tokenize = 'trigram'
);

create trigger server_name_text_insert after insert on server_name
begin
    insert into server_name_text (rowid, name_key) values (new.name_id, new.name_key);
end;

create table server (
    server_id    integer primary key,
    name_id      integer not null references server_name (name_id),
    name_key     text    not null,
    version      text    not null,        -- any text, where it is not ours
    -- Exactly one of these three says where it is from.
    release_id   integer unique references release (release_id),
    source       text,                    -- the address of the registry that lists it
    published_by text,                    -- who published it here, unsigned
    -- The `server` object. A unit separator (U+001F), which no JSON text holds raw,
    -- stands for the address of this registry.
    document     text    not null,
    evidence     text    not null check (json_valid(evidence)), -- what `_meta` points to
    -- What is off in a document that is not ours, in sentences.
    oddities     text    not null default '[]' check (json_valid(oddities)),
    status       text    not null check (status in ('active', 'deprecated', 'deleted')),
    status_message text,
    status_changed_at text not null,
    published_at text    not null,
    updated_at   text    not null,        -- when this registry last changed the row
    is_latest    integer not null default 0 check (is_latest in (0, 1)),
    -- 0 where a page would break on it, or a signed package has taken the name.
    is_shown     integer not null check (is_shown in (0, 1)),

    check ((release_id is not null) + (source is not null) + (published_by is not null) = 1)
) strict;

create unique index server_by_name on server (name_key, version) where is_shown = 1;
create unique index server_by_origin
    on server (name_key, version, coalesce(source, ''), release_id is null);
create index server_latest on server (name_key, version) where is_shown = 1 and is_latest = 1;
create index server_by_change on server (updated_at, server_id) where is_shown = 1;
create index server_by_name_id on server (name_id);

-- What a source sent that has not even a usable name. Kept, so that nothing is lost in
-- silence, and never listed.
create table server_set_aside (
    digest       text    primary key,     -- of the original
    source       text    not null,
    original     text    not null,
    reason       text    not null,
    seen_at      text    not null
) strict;

-- How far each source has been followed.
create table server_source (
    source       text    primary key,
    since        text    not null,        -- what is asked for: changes since then
    cursor       text,                    -- the page to go on with, of a run that stopped
    newest       text    not null         -- the newest change that this run has seen
) strict;
