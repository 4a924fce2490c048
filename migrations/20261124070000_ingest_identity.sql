-- Who collectors are: let in by a code, known by a key and the number of their last certificate, permitted a part of the plant.
alter table collector
    -- this server itself, such as an import: no code, no certificate, no bounds
    add column own boolean not null default false,
    -- paths of equipment whose signals it may write; none: all
    add column scope text[] not null default '{}',
    -- SHA-256 of its public key; null until a code was used
    add column key_sha256 bytea,
    add column enrolled_at timestamptz,
    -- number of the certificate issued last, when, whether it was shown yet, and the one before, good until then
    add column serial bytea,
    add column certificate_at timestamptz,
    add column serial_shown boolean not null default false,
    add column previous_serial bytea,
    add column certificate_until timestamptz;
update collector set own = token_sha256 is null;
-- Tokens are no longer taken: collectors that had one are enrolled anew under their name, and go on where they stood.
alter table collector drop column token_sha256;

create table collector_code (
    -- who reads this table cannot enrol with it
    secret_sha256 bytea primary key,
    collector_id integer not null references collector (id),
    scope text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    -- SHA-256 of the public key that it let in
    used_key bytea
);
create index collector_code_by_collector on collector_code (collector_id);

-- Which collector a signal is written by: the first that offered it, until it is released.
create table signal_claim (
    signal_id integer primary key references signal (id) on delete cascade,
    collector_id integer not null references collector (id),
    since timestamptz not null
);
create index signal_claim_by_collector on signal_claim (collector_id);

-- Grows with every change of claims and scopes, so that running servers notice.
create table signal_claim_revision (
    only_row boolean primary key default true check (only_row),
    revision bigint not null
);
insert into signal_claim_revision (revision) values (0);
