/// Why facts are made again, for the record of figures that change after they were reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Such as `late samples`, `reason given`.
    pub text: String,
    /// The user's name, where a person did it.
    pub by: Option<String>,
}

impl Cause {
    /// Something a person did.
    pub fn by(text: &str, by: &str) -> Self {
        Self { text: text.to_owned(), by: Some(by.to_owned()) }
    }

    /// Samples that came after their time was accounted for.
    pub fn late_samples() -> Self {
        Self { text: "late samples".to_owned(), by: None }
    }
}
