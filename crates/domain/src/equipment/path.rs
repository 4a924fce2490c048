use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Level;

/// The short name of one node among its siblings: 1 to 40 of `a-z`, `0-9` and `-`, beginning and
/// ending with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

/// Where a node stands: the codes from the enterprise down, `acme/leeds/press-shop/line-1/press-3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, examples("acme/leeds/press-shop/line-1/press-3")))]
#[serde(try_from = "String", into = "String")]
pub struct EquipmentPath(String);

/// A code or a path that breaks the rules above.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not a valid code.
    #[error("`{0}` is not a valid code; use 1 to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit")]
    Code(String),
    /// Not one to five codes.
    #[error("`{0}` has {1} parts; a path has 1 (enterprise) to 5 (unit), joined by /")]
    Depth(String, usize),
}

impl Code {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<(), PathError> {
        let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if (1..=40).contains(&text.len()) && inner && !text.starts_with('-') && !text.ends_with('-') {
            Ok(())
        } else {
            Err(PathError::Code(text.chars().take(80).collect()))
        }
    }
}

impl FromStr for Code {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::check(text).map(|()| Self(text.to_owned()))
    }
}

impl EquipmentPath {
    /// The path of the outermost node.
    pub fn root(code: &Code) -> Self {
        Self(code.0.clone())
    }

    /// The path of a node below this one. Errors when this is already a unit.
    pub fn join(&self, code: &Code) -> Result<Self, PathError> {
        format!("{}/{}", self.0, code.0).parse()
    }

    /// The path of the node above, if there is one.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(head, _)| Self(head.to_owned()))
    }

    /// The level at which this path ends.
    pub fn level(&self) -> Level {
        let depth = self.0.bytes().filter(|b| *b == b'/').count();
        Level::ALL.get(depth).copied().unwrap_or(Level::Unit)
    }

    /// The last code.
    pub fn leaf(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `self` is `other` or lies below it.
    pub fn is_within(&self, other: &EquipmentPath) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for EquipmentPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split('/').count();
        if parts > Level::ALL.len() {
            return Err(PathError::Depth(text.chars().take(120).collect(), parts));
        }
        text.split('/').try_for_each(Code::check)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for EquipmentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Code {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for EquipmentPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

impl From<EquipmentPath> for String {
    fn from(path: EquipmentPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_knows_its_level_and_parent() {
        let path: EquipmentPath = "acme/leeds/press-shop/line-1/press-3".parse().expect("valid");
        assert_eq!(path.level(), Level::Unit);
        assert_eq!(path.leaf(), "press-3");
        assert_eq!(path.parent().map(|p| p.level()), Some(Level::Line));
        assert!(path.is_within(&"acme/leeds".parse().expect("valid")));
        assert!(!path.is_within(&"acme/lee".parse().expect("valid")));
    }

    #[test]
    fn bad_codes_and_depths_are_refused() {
        for bad in ["", "a//b", "A", "-a", "a-", "a b", "a/b/c/d/e/f"] {
            assert!(bad.parse::<EquipmentPath>().is_err(), "{bad:?} should be refused");
        }
        assert!("x".repeat(41).parse::<Code>().is_err());
    }
}
