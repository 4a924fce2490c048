/// Moves the focus to the element of this id, once it is there.
#[cfg(feature = "hydrate")]
pub(crate) fn focus_soon(id: &'static str) {
    use leptos::prelude::{document, request_animation_frame};
    use wasm_bindgen::JsCast;
    request_animation_frame(move || {
        let element = document().get_element_by_id(id).and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok());
        if let Some(element) = element {
            // Where it cannot be had, the focus stays.
            drop(element.focus());
        }
    });
}

/// Nobody types on the server.
#[cfg(not(feature = "hydrate"))]
pub(crate) fn focus_soon(_id: &'static str) {}
