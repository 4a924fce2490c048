//! Pages whose code is a file of its own, a chunk: the browser fetches it when it first shows such a page. The bundler
//! cuts the chunks out of the WASM (`crates/xtask/src/bundle/split.rs`); on the server they are plain functions.

use std::sync::{Arc, Mutex, PoisonError};

use leptos::prelude::*;
use wasm_split_helpers::SplitLoaderError;

/// The chunks that a page is made of. The server provides one per request as a context and reads it when the page is
/// complete, to have the browser fetch them early.
#[derive(Clone, Debug, Default)]
pub struct PageChunks(Arc<Mutex<Vec<&'static str>>>);

impl PageChunks {
    /// Their names, as the bundle's manifest has them.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Say that the page is made of this one. Does nothing in the browser, which has it by then.
    pub(crate) fn add(name: &'static str) {
        if let Some(PageChunks(names)) = use_context::<PageChunks>() {
            names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        }
    }
}

/// Declares a route whose page, a component without properties, is in a chunk: `chunk!(UnitRoute: UnitPage in unit)`.
/// Pages that name the same chunk share it.
macro_rules! chunk {
    ($route:ident: $page:ident in $chunk:ident) => {
        struct $route;

        const _: () = {
            #[wasm_split_helpers::wasm_split($chunk, fallible, preload(load))]
            fn $chunk() -> Result<leptos::prelude::AnyView, wasm_split_helpers::SplitLoaderError> {
                Ok(leptos::prelude::IntoAny::into_any(self::$page()))
            }

            impl leptos_router::LazyRoute for $route {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> leptos::prelude::AnyView {
                    $crate::chunk::PageChunks::add(stringify!($chunk));
                    leptos::prelude::IntoAny::into_any($chunk().await.ok())
                }

                async fn preload() {
                    $crate::chunk::until_loaded(load).await;
                }
            }
        };
    };
}
pub(crate) use chunk;

/// Comes back once the chunk is there. If it cannot be had, the browser asks for the whole document: the server may have
/// been replaced by a newer one since, and its documents name the files that it has.
#[cfg(feature = "hydrate")]
pub(crate) async fn until_loaded<F: Future<Output = Result<(), SplitLoaderError>>>(load: impl Fn() -> F) {
    let wanted = leptos_router::hooks::use_url().with_untracked(|url| match url.search() {
        "" => url.path().to_owned(),
        search => format!("{}?{search}", url.path()),
    });
    if load().await.is_ok() {
        return;
    }
    let location = window().location();
    let here = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
    if here == wanted {
        // The document is this page's already, and not for long: more likely the network is at fault.
        gloo_timers::future::TimeoutFuture::new(RETRY_AFTER_MS).await;
        if load().await.is_ok() {
            return;
        }
    }
    // A browser that refuses to leave keeps showing what it has.
    drop(location.assign(&wanted));
    std::future::pending().await
}

#[cfg(feature = "hydrate")]
const RETRY_AFTER_MS: u32 = 3_000;

/// On the server there is nothing to load.
#[cfg(not(feature = "hydrate"))]
pub(crate) async fn until_loaded<F: Future<Output = Result<(), SplitLoaderError>>>(load: impl Fn() -> F) {
    drop(load().await);
}
