use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::LoginError;
use crate::ui::{Brand, Notice, SkipLink};

/// `/login`
#[component]
pub(crate) fn LoginPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let error = query.get("error").map(|code| {
        LoginError::from_code(&code)
            .map_or("Signing in did not work. Nothing was changed; try again.", LoginError::text)
    });
    let next = query.get("next").filter(|path| path.starts_with('/') && !path.starts_with("//"));
    view! {
        <Title text="Sign in" />
        <SkipLink />
        <div class="door">
            <main id="main" tabindex="-1" class="door-card">
                <Brand />
                <h1>"Sign in"</h1>
                {error.map(|text| view! { <Notice text=text.to_owned() /> })}
                <form method="post" action="/login" class="form">
                    <input type="hidden" name="next" value=next.unwrap_or_else(|| "/".to_owned()) />
                    <label class="field">
                        <span>"User name"</span>
                        <input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus />
                    </label>
                    <label class="field">
                        <span>"Password"</span>
                        <input name="password" type="password" autocomplete="current-password" required />
                    </label>
                    <button class="button primary">"Sign in"</button>
                </form>
                <p class="door-hint">
                    "No account yet, or the password is lost? Ask an administrator of this plant."
                </p>
            </main>
        </div>
    }
    .into_any()
}
