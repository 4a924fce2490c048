use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::{PASSWORD_MIN_CHARS, PasswordError};
use crate::{
    api::Api,
    ui::{Brand, ErrorNotice, Notice, SkipLink},
};

/// `/account/password`: by choice, or because it must be changed before anything else.
#[component]
pub(crate) fn PasswordPage() -> impl IntoView {
    let api = Api::of_page();
    let me = Resource::new_blocking(
        || (),
        move |()| {
            let api = api.clone();
            async move { api.me().await }
        },
    );
    view! {
        <Title text="Change password" />
        <SkipLink />
        <div class="door">
            <main id="main" tabindex="-1" class="door-card">
                <Brand />
                <h1>"Change password"</h1>
                <Suspense>
                    {move || Suspend::new(async move {
                        match me.await {
                            Ok(me) => view! { <PasswordForm username=me.username forced=me.must_change_password /> }.into_any(),
                            Err(error) => view! { <ErrorNotice error=error /> }.into_any(),
                        }
                    })}
                </Suspense>
            </main>
        </div>
    }
    .into_any()
}

#[component]
fn PasswordForm(username: String, forced: bool) -> impl IntoView {
    let error = use_query_map().get_untracked().get("error").map(|code| {
        PasswordError::from_code(&code).map_or("The password was not changed. Try again.", PasswordError::text)
    });
    view! {
        {forced
            .then(|| {
                view! {
                    <p class="door-lead">
                        "Your password was given to you by somebody else. Choose your own; then you can go on."
                    </p>
                }
            })}
        {error.map(|text| view! { <Notice text=text.to_owned() /> })}
        <form method="post" action="/account/password" class="form">
            // Lets a password manager know whose password this is.
            <input type="text" name="username" value=username autocomplete="username" readonly hidden />
            <label class="field">
                <span>"Current password"</span>
                <input name="current" type="password" autocomplete="current-password" required />
            </label>
            <label class="field">
                <span>"New password"</span>
                <input
                    name="new"
                    type="password"
                    autocomplete="new-password"
                    required
                    minlength=PASSWORD_MIN_CHARS.to_string()
                    aria-describedby="password-rule"
                />
            </label>
            <p id="password-rule" class="field-hint">
                {format!("At least {PASSWORD_MIN_CHARS} characters; 15 or more are advised. A few words in a row do well: any characters are allowed, spaces too. Names and passwords that are tried first are refused.")}
            </p>
            <label class="field">
                <span>"New password again"</span>
                <input
                    name="repeat"
                    type="password"
                    autocomplete="new-password"
                    required
                    minlength=PASSWORD_MIN_CHARS.to_string()
                />
            </label>
            <button class="button primary">"Change password"</button>
        </form>
        <div class="door-actions">
            {(!forced).then(|| view! { <a href="/">"Back to the overview"</a> })}
            <form method="post" action="/logout">
                <button class="button quiet">"Sign out"</button>
            </form>
        </div>
    }
    .into_any()
}
