//! What a page sends to the server: whether it is on its way, and what became of it.

use leptos::{prelude::*, task::spawn_local};

use super::{ErrorNotice, Notice};
use crate::api::ApiError;

/// What went wrong with a change. One that was refused says why by itself; only of a failure the log has more.
pub(crate) fn refused(error: ApiError) -> AnyView {
    match error {
        ApiError::Problem(problem) if problem.status < 500 => {
            let text = problem.detail.unwrap_or(problem.title);
            view! { <Notice text=text /> }.into_any()
        }
        error => view! { <ErrorNotice error=error /> }.into_any(),
    }
}

/// Changes that one part of a page makes, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    busy: RwSignal<bool>,
    error: RwSignal<Option<ApiError>>,
    refused: RwSignal<Option<String>>,
    told: RwSignal<String>,
}

impl Change {
    pub fn new() -> Self {
        Self {
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
            refused: RwSignal::new(None),
            told: RwSignal::new(String::new()),
        }
    }

    /// One is on its way.
    pub fn is_busy(self) -> bool {
        self.busy.get()
    }

    /// Why the last one was refused.
    pub fn error(self) -> Option<ApiError> {
        self.error.get()
    }

    /// Nothing is to be told any more.
    pub fn forget(self) {
        self.error.set(None);
        self.refused.set(None);
        self.told.set(String::new());
    }

    /// It cannot be sent as it is.
    pub fn refuse(self, why: impl Into<String>) {
        self.forget();
        self.refused.set(Some(why.into()));
    }

    /// Something else that was asked for did not come.
    pub fn fail(self, error: ApiError) {
        self.error.try_set(Some(error));
    }

    /// Sends it, unless one is on its way. `done` takes the answer and says what came about.
    pub fn send<T: 'static>(
        self,
        request: impl Future<Output = Result<T, ApiError>> + 'static,
        done: impl FnOnce(T) -> String + 'static,
    ) {
        if self.busy.get_untracked() {
            return;
        }
        self.forget();
        self.busy.set(true);
        spawn_local(async move {
            let answer = request.await;
            // The page may have gone meanwhile.
            if self.busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(answer) => self.told.set(done(answer)),
                Err(error) => self.error.set(Some(error)),
            }
        });
    }

    /// What went wrong.
    pub fn problem(self) -> AnyView {
        view! {
            {self.refusal()}
            {move || self.error.get().map(refused)}
        }
        .into_any()
    }

    /// Why it was not sent.
    pub fn refusal(self) -> AnyView {
        (move || self.refused.get().map(|text| view! { <Notice text=text /> })).into_any()
    }

    /// What came about, also for those who hear the page.
    pub fn told(self) -> AnyView {
        view! {
            <p role="status" class="told" data-empty=move || self.told.with(String::is_empty).then_some("true")>
                {move || self.told.get()}
            </p>
        }
        .into_any()
    }
}
