-- Elements by production day, so that months of a whole plant are read from few rows. Kept in the transaction that stores
-- kpi_element, whose sums they are.

-- Outside every shift the production day is the date in UTC.
update kpi_element set production_day = (hour at time zone 'UTC')::date where production_day is null;
alter table kpi_element alter column production_day set not null;
create index kpi_element_by_day on kpi_element (unit_id, production_day);

create table kpi_day (
    unit_id uuid not null references equipment (id),
    production_day date not null,
    -- empty outside every shift
    shift_name text not null,
    -- empty where no roster names one
    team text not null,
    order_id uuid not null,
    product_id uuid not null,
    calendar bigint not null,
    not_scheduled bigint not null,
    breaks bigint not null,
    planned_stops bigint not null,
    apt bigint not null,
    aust bigint not null,
    adet bigint not null,
    adot bigint not null,
    unknown bigint not null,
    minor bigint not null,
    pq double precision not null,
    gq double precision not null,
    sq double precision not null,
    rq double precision not null,
    pri_pq double precision not null,
    pri_gq double precision not null,
    primary key (unit_id, production_day, shift_name, team, order_id, product_id)
);
insert into kpi_day
select unit_id, production_day, coalesce(shift_name, ''), coalesce(team, ''), order_id, product_id,
       sum(calendar), sum(not_scheduled), sum(breaks), sum(planned_stops), sum(apt), sum(aust), sum(adet), sum(adot), sum(unknown), sum(minor),
       sum(pq), sum(gq), sum(sq), sum(rq), sum(pri_pq), sum(pri_gq)
from kpi_element group by 1, 2, 3, 4, 5, 6;
