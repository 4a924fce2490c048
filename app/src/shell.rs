//! The HTML document around the pages.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

use crate::App;

/// What the document refers to. Paths are absolute (`/assets/gemba-3f9c.css`); give hashed names, so
/// that they can be cached for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellOptions {
    /// The one stylesheet.
    pub css: String,
    /// The module that wasm-bindgen wrote. Empty: the page stays as rendered, without hydration.
    pub js: String,
    /// The module that it imports for loading chunks.
    pub linker: String,
    /// The WASM that it loads.
    pub wasm: String,
    /// Font files to preload, exactly as the stylesheet names them.
    pub fonts: Vec<String>,
    /// The reader's choice, from the cookie [`Theme::COOKIE`].
    pub theme: Option<Theme>,
}

/// A colour theme that the reader chose instead of the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The cookie that keeps the choice. It holds [`Theme::as_str`]; without it the system's theme rules.
    pub const COOKIE: &'static str = "theme";

    /// The word in the cookie and in `<html data-theme>`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// The theme of this word, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [Theme::Light, Theme::Dark].into_iter().find(|t| t.as_str() == word)
    }
}

/// The HTTP status that a page asks for while it is rendered; 200 unless it says otherwise. The
/// server provides one per request as a context and reads it when the page is complete.
#[derive(Clone, Debug)]
pub struct PageStatus(Arc<AtomicU16>);

impl Default for PageStatus {
    fn default() -> Self {
        Self(Arc::new(AtomicU16::new(200)))
    }
}

impl PageStatus {
    /// The status asked for.
    pub fn get(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }

    /// Ask for a status. Does nothing in the browser, where the document was answered long ago.
    pub(crate) fn set(status: u16) {
        if let Some(PageStatus(slot)) = use_context::<PageStatus>() {
            slot.store(status, Ordering::Relaxed);
        }
    }
}

/// The whole document. Inline scripts carry the request's CSP nonce.
pub fn shell(options: ShellOptions) -> impl IntoView {
    let ShellOptions { css, js, linker, wasm, fonts, theme } = options;
    let nonce = use_nonce();
    let hydration = (!js.is_empty()).then(|| {
        let start = format!("import({js:?}).then(m=>m.default({{module_or_path:{wasm:?}}}).then(()=>m.hydrate()))");
        view! {
            <link rel="modulepreload" href=js />
            <link rel="modulepreload" href=linker />
            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
            <script type="module" nonce=nonce>{start}</script>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.map(Theme::as_str)>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.ico" />
                <link rel="stylesheet" href=css />
                {fonts
                    .into_iter()
                    .map(|href| {
                        view! { <link rel="preload" href=href r#as="font" r#type="font/woff2" crossorigin="anonymous" /> }
                    })
                    .collect_view()}
                {hydration}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
    .into_any()
}
