-- Packages, their releases, and the blobs that releases are made of.
--
-- A release is immutable: once its row exists, only `status` may change. The
-- triggers below hold every writer to that, our own code included.
--
-- Times are RFC 3339 in UTC to the whole second, as text: at one precision they
-- sort correctly, and a person can read them in the SQLite shell.
--
-- Digests are text, `sha256:<64 hex digits>` (mcpkg_core::Digest), for the same
-- reason.

create table package (
    package_id   integer primary key,
    name         text    not null unique collate nocase, -- mcpkg_core::PackageName, in its first case
    fold_key     text    not null unique,                -- PackageName::fold_key: no two look alike
    created_at   text    not null
) strict;

-- Whom a name is bound to, in the order of the log. The last row counts: from
-- `effective_at` on it is `publisher`, and until then `former`. The first is of the
-- first release, and has nobody before it.
create table binding (
    binding_id   integer primary key,
    package_id   integer not null references package (package_id),
    publisher    text    not null check (json_valid(publisher)), -- mcpkg_core::publisher::Publisher
    authority    text    check (json_valid(authority)),          -- mcpkg_core::domain::DomainProof
    former       text    check (json_valid(former)),
    former_authority text check (json_valid(former_authority)),
    effective_at text    not null
) strict;

create index binding_by_package on binding (package_id, binding_id);

create view bound as
    select package_id,
           case when former is null or effective_at <= strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
                then publisher else former end as publisher
      from binding as last
     where binding_id =
           (select max(binding_id) from binding where package_id = last.package_id);

-- A blob that is published: an artifact, a `server.json` or a Sigstore bundle. A file without a row here is left over from a publish that
-- did not finish: it is not served, and swept away after a while.
create table blob (
    digest       text    primary key,
    size_bytes   integer not null check (size_bytes > 0),
    -- The SHA-256 of each 256 KiB of it, one after the other, so that a part
    -- can be checked before it is sent without reading the rest.
    chunks       blob    not null,

    check (length(chunks) = 32 * ((size_bytes + 262143) / 262144))
) strict;

create table release (
    release_id   integer primary key,
    package_id   integer not null references package (package_id),
    version      text    not null,                               -- mcpkg_core::Version
    metadata     text    not null references blob (digest),      -- the canonical server.json
    publisher    text    not null check (json_valid(publisher)), -- who signed it
    published_at text    not null,
    title        text    not null,                               -- from the server.json
    description  text    not null,
    status       text    not null default 'active'               -- mcpkg_core::api::Status
                         check (status in ('active', 'deprecated', 'yanked')),

    unique (package_id, version)
) strict;

-- No row at all is a release of remotes only.
create table artifact (
    release_id   integer not null references release (release_id),
    platform     text    not null,                          -- mcpkg_core::Platform
    digest       text    not null references blob (digest),
    tree         text    not null,                          -- mcpkg_core::TreeDigest
    size_bytes   integer not null check (size_bytes > 0),

    primary key (release_id, platform)
) strict;

create index artifact_by_digest on artifact (digest);

create table evidence (
    release_id   integer not null references release (release_id),
    position     integer not null check (position >= 0),    -- in the order they were sent
    bundle       text    not null references blob (digest),

    primary key (release_id, position)
) strict;

create index evidence_by_bundle on evidence (bundle);
create index release_by_metadata on release (metadata);

-- How far the log has been applied: one row. The log is the truth, and everything
-- else here is an index of it, which `mcpkg-registry fsck --rebuild` makes again.
create table log (
    only         integer primary key check (only = 1),
    size         integer not null check (size >= 0), -- how many entries
    root         text    not null                    -- the root of the tree they make, in base64
) strict;

-- The root of the tree without entries is the hash of nothing.
insert into log values (1, 0, '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');

-- Which entry of the log is about what. That of a publish is the last row of a release
-- that is written, and seals it: nothing joins a release that an entry has published.
--
-- The other kinds are statements: each has a Sigstore bundle, a signer, and a word: the
-- status of a release, or what came of a rebuild.
create table entry (
    log_index    integer primary key,
    kind         text    not null check (kind in ('publish', 'status', 'binding', 'rebuild')),
    package_id   integer not null references package (package_id),
    release_id   integer references release (release_id),
    word         text,
    signer       text    check (json_valid(signer)),
    bundle       text    unique references blob (digest),

    check ((kind = 'binding') = (release_id is null)),
    check ((kind in ('status', 'rebuild')) = (word is not null)),
    check ((kind = 'publish') = (bundle is null)),
    check ((kind = 'publish') = (signer is null))
) strict;

create index entry_by_package on entry (package_id, log_index);
create index entry_by_release on entry (release_id, log_index);
create unique index publish_by_release on entry (release_id) where kind = 'publish';

-- What a search shows of a package: its newest release that is no pre-release, or the
-- newest of those; no yanked one. It is a copy, and may be made again from the rest.
create table listing (
    package_id   integer primary key references package (package_id),
    release_id   integer not null references release (release_id),
    name         text    not null,
    title        text    not null,
    description  text    not null
) strict;

create index listing_by_release on listing (release_id);

create virtual table listing_text using fts5 (
    name, title, description,
    content = 'listing', content_rowid = 'package_id',
    tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);

create trigger listing_text_insert after insert on listing
begin
    insert into listing_text (rowid, name, title, description)
    values (new.package_id, new.name, new.title, new.description);
end;

create trigger listing_text_update after update on listing
begin
    insert into listing_text (listing_text, rowid, name, title, description)
    values ('delete', old.package_id, old.name, old.title, old.description);
    insert into listing_text (rowid, name, title, description)
    values (new.package_id, new.name, new.title, new.description);
end;

create trigger listing_text_delete after delete on listing
begin
    insert into listing_text (listing_text, rowid, name, title, description)
    values ('delete', old.package_id, old.name, old.title, old.description);
end;

-- What may not change, and what may not go away.

create trigger package_is_immutable before update on package
begin
    select raise(abort, 'a package keeps its name');
end;

create trigger package_is_permanent before delete on package
begin
    select raise(abort, 'a package is permanent');
end;

create trigger binding_is_immutable before update on binding
begin
    select raise(abort, 'a binding stays as it was logged');
end;

create trigger binding_is_permanent before delete on binding
begin
    select raise(abort, 'a binding stays as it was logged');
end;

create trigger blob_is_immutable before update on blob
begin
    select raise(abort, 'a blob is its digest');
end;

create trigger blob_is_permanent before delete on blob
begin
    select raise(abort, 'a blob of a release is permanent');
end;

create trigger release_is_immutable
before update of
    release_id, package_id, version, metadata, publisher, published_at, title, description
on release
begin
    select raise(abort, 'a release is immutable; only status may change');
end;

create trigger release_is_permanent before delete on release
begin
    select raise(abort, 'a release is permanent; yank it instead');
end;

-- With `kind`, as the index has it: without, each insert would read every entry.
create trigger artifact_joins_no_sealed_release
before insert on artifact
when exists (select 1 from entry where release_id = new.release_id and kind = 'publish')
begin
    select raise(abort, 'a release keeps its artifacts');
end;

create trigger artifact_is_immutable before update on artifact
begin
    select raise(abort, 'a release keeps its artifacts');
end;

create trigger artifact_is_permanent before delete on artifact
begin
    select raise(abort, 'a release keeps its artifacts');
end;

create trigger evidence_joins_no_sealed_release
before insert on evidence
when exists (select 1 from entry where release_id = new.release_id and kind = 'publish')
begin
    select raise(abort, 'a release keeps its evidence');
end;

create trigger evidence_is_immutable before update on evidence
begin
    select raise(abort, 'a release keeps its evidence');
end;

create trigger evidence_is_permanent before delete on evidence
begin
    select raise(abort, 'a release keeps its evidence');
end;

create trigger log_only_grows
before update on log when new.size < old.size or (new.size = old.size and new.root != old.root)
begin
    select raise(abort, 'the log only grows');
end;

create trigger log_is_permanent before delete on log
begin
    select raise(abort, 'the log only grows');
end;

create trigger entry_is_immutable before update on entry
begin
    select raise(abort, 'an entry stays as it was logged');
end;

create trigger entry_is_permanent before delete on entry
begin
    select raise(abort, 'an entry stays as it was logged');
end;
