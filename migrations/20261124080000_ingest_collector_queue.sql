-- What waits in a collector's queue, as it last said.
alter table collector
    add column queue_samples bigint,
    add column queue_bytes bigint,
    add column queue_oldest_at timestamptz;

-- Since when a source's data flows, or does not, by the collector's clock.
alter table collector_source add column since timestamptz;
