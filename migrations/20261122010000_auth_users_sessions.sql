-- People who sign in, their sessions, and what was done about either.
create table user_account (
    id uuid primary key,
    -- in lower case; what people type is lowered before it is looked up
    username text not null
        constraint user_account_username_unique unique
        constraint user_account_username_form check (username ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    role text not null constraint user_account_role_known check (role in ('operator', 'manager', 'admin')),
    -- argon2id in PHC form
    password_hash text not null,
    -- the password was given by someone else: nothing but changing it is allowed
    must_change_password boolean not null,
    password_changed_at timestamptz not null default now(),
    created_at timestamptz not null default now()
);

create table user_session (
    id uuid primary key,
    user_id uuid not null references user_account (id) on delete cascade,
    -- SHA-256 of the token in the cookie: who reads this table cannot sign in with it
    token_sha256 bytea not null constraint user_session_token_unique unique,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    address inet not null,
    user_agent text not null
);
create index user_session_by_user on user_session (user_id);

-- Addresses from which a user has signed in before: guesses from elsewhere cannot lock the owner out.
create table user_known_address (
    user_id uuid not null references user_account (id) on delete cascade,
    address inet not null,
    last_sign_in_at timestamptz not null default now(),
    primary key (user_id, address)
);

-- A session that ends by whatever process (sign-out, change of password, the command line) is made known
-- to every server, so that its WebSockets are closed.
create function user_session_ended() returns trigger language plpgsql as $$
begin
    perform pg_notify('user_session_ended', old.id::text);
    return null;
end
$$;

create trigger user_session_ended after delete on user_session
    for each row execute function user_session_ended();

create table audit_entry (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    -- user name, `collector/NAME`, `command-line`, or null when nobody was signed in
    actor text,
    action text not null,
    -- what it was done to
    subject text,
    detail jsonb not null default '{}'
);
create index audit_entry_by_time on audit_entry (at);
