-- Sources that webhooks were told have stopped: a row until it is told that they go on. So
-- neither is told twice, however often the registry starts in between.
create table stopped_source (
    source       text    primary key,     -- its name
    code         text    not null,        -- mcpkg_core::Code
    stopped_at   text    not null
) strict;

create trigger event_of_stop after insert on stopped_source
when (select has_listeners from gate)
begin
    insert into event (kind, at, data)
    values ('source.stopped', new.stopped_at,
            json_object('source', new.source, 'code', new.code));
end;

create trigger event_of_resumption after delete on stopped_source
when (select has_listeners from gate)
begin
    insert into event (kind, at, data)
    values ('source.resumed', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'),
            json_object('source', old.source, 'code', old.code));
end;
