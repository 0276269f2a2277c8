-- What of the log is given out, who decided that, and whom it is told.
--
-- Everything here is about a release and none of it is in the log: a decision can be
-- made again from policy and facts, but what people said (`vote`, `vex`) and what is
-- yet to be told (`event`, `delivery`) cannot. Those name a release by name and version
-- and not by its row, so that they survive `fsck --rebuild`, which makes new rows.

-- Whether releases wait for a decision before they are given out, whether anybody listens
-- to what happens, and whose log this is an index of: one row, which is set at every
-- start.
create table gate (
    only          integer primary key check (only = 1),
    is_closed     integer not null check (is_closed in (0, 1)),
    has_listeners integer not null check (has_listeners in (0, 1)),
    -- Whether this is the index of a source's log, and not of the registry's own.
    is_copy       integer not null check (is_copy in (0, 1))
) strict;

insert into gate values (1, 0, 0, 0);

-- How much a namespace may have, as the configuration says at every start. `*` is every
-- namespace that no other row is about; null is no limit.
create table quota (
    namespace    text    primary key collate nocase,
    releases     integer,
    bytes        integer
) strict;

-- The last decision of each release. A release without one is not given out while the
-- gate is closed.
create table decision (
    release_id   integer primary key references release (release_id),
    outcome      text    not null check (outcome in ('admitted', 'quarantined', 'denied')),
    body         text    not null check (json_valid(body)),  -- mcpkg_core::review::Decision
    facts        text    not null check (json_valid(facts)), -- what was known of the release
    fingerprint  text    not null,                           -- what a person judges, as a digest
    -- What it was decided with: policies and advisories, as a digest, and the last entry
    -- of the package. With others it has to be decided again.
    basis        text    not null,
    last_entry   integer not null,
    decided_at   text    not null,
    -- When time alone may change it; null if it cannot.
    good_until   text
) strict;

create index decision_by_outcome on decision (outcome, release_id);
create index decision_by_end on decision (good_until) where good_until is not null;

-- What a search may show: releases that are given out.
create view given_out as
    select release_id from release
     where (select is_closed from gate) = 0
        or exists (select 1 from decision
                    where decision.release_id = release.release_id and outcome = 'admitted');

-- What people said of releases that policy holds back. Nobody's word is ever changed;
-- of each person the last one counts.
create table vote (
    vote_id      integer primary key,
    name         text    not null collate nocase,
    version      text    not null,
    person       text    not null,                                  -- issuer and subject
    shown        text    not null,                                  -- what to call them
    verdict      text    not null check (verdict in ('approve', 'reject')),
    reason       text    not null check (length(reason) > 0),
    policies     text    not null check (json_valid(policies)),     -- those that were in the way
    fingerprint  text    not null,                                  -- what they had looked at
    voted_at     text    not null
) strict;

create index vote_by_release on vote (name, version, vote_id);

create trigger vote_is_immutable before update on vote
begin
    select raise(abort, 'what somebody said stays');
end;

create trigger vote_is_permanent before delete on vote
begin
    select raise(abort, 'what somebody said stays');
end;

-- What is in an artifact, as far as policy asks. It follows from the bytes.
create table inspection (
    digest       text    primary key,
    body         text    not null check (json_valid(body))
) strict;

-- That an advisory does not matter for a release, or that it does: from the publisher
-- of the package, by the bundle they signed, or from the operator.
create table vex (
    vex_id       integer primary key,
    name         text    not null collate nocase,
    version      text,                                              -- null: every version
    document     text    not null check (json_valid(document)),
    author       text    not null check (json_valid(author)),       -- a publisher, or null: the operator
    added_at     text    not null
) strict;

create index vex_by_name on vex (name, vex_id);

-- What happened and is yet to be handed to `delivery`. Written by the transaction in
-- which it happens, so that nothing is forgotten by a stop.
create table event (
    event_id     integer primary key autoincrement,
    kind         text    not null,
    at           text    not null,
    data         text    not null check (json_valid(data))
) strict;

create trigger event_of_entry after insert on entry
when (select has_listeners from gate) and (new.kind = 'publish' or new.word = 'yanked')
begin
    insert into event (kind, at, data)
    select case new.kind when 'publish' then 'release.published' else 'release.removed' end,
           strftime('%Y-%m-%dT%H:%M:%SZ', 'now'),
           json_object('name', name, 'version', version, 'entry', new.log_index)
      from release join package using (package_id) where release_id = new.release_id;
end;

create trigger event_of_first_decision after insert on decision
when (select has_listeners from gate) and new.outcome != 'admitted'
begin
    insert into event (kind, at, data)
    select case new.outcome when 'quarantined' then 'release.held' else 'release.denied' end,
           new.decided_at,
           json_object('name', name, 'version', version, 'decision', json(new.body))
      from release join package using (package_id) where release_id = new.release_id;
end;

create trigger event_of_other_decision after update on decision
when (select has_listeners from gate) and new.outcome != old.outcome
begin
    insert into event (kind, at, data)
    select case new.outcome when 'quarantined' then 'release.held'
                            when 'denied' then 'release.denied'
                            else 'release.approved' end,
           new.decided_at,
           json_object('name', name, 'version', version, 'decision', json(new.body))
      from release join package using (package_id) where release_id = new.release_id;
end;

-- What each webhook is yet to be told, was told, and could not be told.
create table delivery (
    delivery_id  integer primary key,
    webhook      text    not null,                                  -- its name
    message      text    not null,                                  -- the id that the receiver sees
    body         text    not null check (json_valid(body)),
    state        text    not null check (state in ('waiting', 'delivered', 'dead')),
    attempts     integer not null default 0,
    due_at       text    not null,
    problem      text,                                              -- why the last attempt failed

    unique (webhook, message)
) strict;

create index delivery_by_state on delivery (state, due_at);

-- In the index of a source's log, the bytes of an artifact may go away again: they are
-- the source's, and are fetched when somebody asks. Everything else of a release stays,
-- and in the registry's own index everything does.
drop trigger blob_is_permanent;

create trigger blob_is_permanent before delete on blob
when (select is_copy from gate) = 0
  or not exists (select 1 from artifact where digest = old.digest)
  or exists (select 1 from release where metadata = old.digest)
  or exists (select 1 from evidence where bundle = old.digest)
  or exists (select 1 from entry where bundle = old.digest)
begin
    select raise(abort, 'a blob of a release is permanent');
end;
