use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::ApiError,
    shell::PageStatus,
    ui::{Brand, SkipLink},
};

/// Something that did not work, in a box.
#[component]
pub(crate) fn Notice(text: String) -> impl IntoView {
    view! {
        <p class="notice" role="alert">
            {text}
        </p>
    }
}

/// What failed, and where to go from there.
#[component]
pub(crate) fn ErrorNotice(error: ApiError) -> impl IntoView {
    let way_out = match &error {
        ApiError::NotSignedIn => Some(("/login", "Sign in")),
        ApiError::MustChangePassword => Some(("/account/password", "Change password")),
        _ => None,
    };
    let request = error.request_id().map(|id| {
        view! {
            <p class="error-id">
                "Request " <code>{id.to_owned()}</code> " – the server's log has more under this name."
            </p>
        }
    });
    view! {
        <Notice text=error.to_string() />
        {request}
        {way_out.map(|(href, text)| view! { <p><a class="button primary" rel="external" href=href>{text}</a></p> })}
    }
}

/// A page that could not be made, within the frame.
#[component]
pub(crate) fn ErrorPage(error: ApiError) -> impl IntoView {
    PageStatus::set(error.status());
    let title = match &error {
        ApiError::NotSignedIn => "Not signed in",
        ApiError::MustChangePassword => "Change your password first",
        ApiError::NotPermitted(_) => "Not permitted",
        ApiError::NotFound(_) => "Not found",
        ApiError::Problem(_) | ApiError::Unreachable | ApiError::Unreadable(_) => "This did not work",
    };
    let hint = match &error {
        ApiError::NotPermitted(_) => Some("Ask an administrator of this plant if you need it."),
        ApiError::NotFound(_) => Some("It may have been renamed or removed from the plant file."),
        _ => None,
    };
    view! {
        <Title text=title />
        <main id="main" tabindex="-1" class="page error-page">
            <h1>{title}</h1>
            <ErrorNotice error=error />
            {hint.map(|text| view! { <p class="muted">{text}</p> })}
            <p>
                <a class="link" href="/">
                    "To the plant overview"
                </a>
            </p>
        </main>
    }
    .into_any()
}

/// No page has this address.
#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    PageStatus::set(404);
    view! {
        <Title text="Not found" />
        <SkipLink />
        <div class="door">
            <main id="main" tabindex="-1" class="door-card">
                <Brand />
                <h1>"There is no such page"</h1>
                <p class="muted">"The address may be mistyped, or what it named was renamed or removed."</p>
                <p>
                    <a class="button primary" href="/">
                        "To the plant overview"
                    </a>
                </p>
            </main>
        </div>
    }
    .into_any()
}
