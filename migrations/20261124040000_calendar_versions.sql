-- Shifts, rotations and teams of a site in versions, so that a change leaves the past as it was. Rows are only added: of two
-- with the same valid time the one added last stands.
create table calendar_version (
    id bigint generated always as identity primary key,
    site_id uuid not null references equipment (id) on delete cascade,
    -- -infinity: for ever
    valid_from timestamptz not null,
    definition jsonb not null,
    changed_by text not null,
    changed_at timestamptz not null
);
create index calendar_version_by_site on calendar_version (site_id, valid_from, id);

insert into calendar_version (site_id, valid_from, definition, changed_by, changed_at)
select e.id, '-infinity',
       jsonb_build_object(
           'shifts', coalesce((
               select jsonb_agg(
                   jsonb_build_object(
                       'name', p.name,
                       'start', to_char(make_interval(mins => p.start_minute), 'HH24:MI'),
                       'end', to_char(make_interval(mins => p.end_minute), 'HH24:MI'),
                       'days', (select jsonb_agg(d.day order by d.n)
                                from unnest(array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']) with ordinality d (day, n)
                                where p.days & (1 << (d.n - 1)::integer) <> 0),
                       'breaks', coalesce((
                           select jsonb_agg(to_char(make_interval(mins => (b.pause ->> 0)::integer), 'HH24:MI') || '-'
                                            || to_char(make_interval(mins => (b.pause ->> 1)::integer), 'HH24:MI') order by b.n)
                           from jsonb_array_elements(p.breaks) with ordinality b (pause, n)), '[]'))
                   order by p.position)
               from shift_pattern p where p.site_id = e.id), '[]'),
           'rotations', '[]'::jsonb,
           'teams', '[]'::jsonb),
       'plant file', now()
from equipment e
where e.level = 'site';

drop table shift_pattern;

-- Who entered a closure; null: the plant file.
alter table shift_closure add column entered_by text;
