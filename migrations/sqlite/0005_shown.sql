-- Which releases the MCP registry's API lists: those that can be had.
--
-- A row of a release that is not given out has `is_shown` 0. So a page walks past none
-- of them, and the newest version of a name is the newest that can be had. The index of a
-- source's log has such rows too, of that source's releases.

-- Releases that the operator, or a source, has taken down: a copy of the list that stands
-- in a file, which is read at every start.
create table taken_down (
    name_key     text    not null,        -- in lower case
    version      text    not null,

    primary key (name_key, version)
) strict, without rowid;

create view obtainable as
    select given_out.release_id
      from given_out
      join release using (release_id)
      join package using (package_id)
     where not exists (select 1 from withheld
                        where withheld.fold_key = package.fold_key
                          and coalesce(withheld.version, release.version) = release.version)
       and not exists (select 1 from taken_down
                        where taken_down.name_key = lower(package.name)
                          and taken_down.version = release.version);

-- The next start says again whether the gate is closed, and then looks at every release.
update gate set is_closed = 0;
