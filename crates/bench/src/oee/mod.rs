//! Reference cases of OEE and of calendars, computed by the domain: worked figures of textbooks and calculators, rotations
//! and working times of an independent library's tests, state processing and loss classes of another product's tests.
//!
//! Files are known by their form, not by their names; those of no known form are named and not counted.

mod calendars;
mod classes;
mod states;
mod worked;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::report::Report;

/// `eval oee`.
#[derive(Args, Debug)]
pub struct OeeArguments {
    /// Folder whose JSON files, and those of its folders, hold cases
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// One case and what came of it.
#[derive(Clone, Debug, PartialEq)]
struct Case {
    /// Which, for people.
    name: String,
    /// What is expected and what was found, of each value that is not as expected.
    wrong: Vec<String>,
    /// Why it is not to be met: our definition is another, or the case does not hold what its result needs.
    differs: Option<&'static str>,
}

impl Case {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), wrong: Vec::new(), differs: None }
    }

    /// Compares one value.
    fn expect(&mut self, what: &str, expected: f64, found: Option<f64>, tolerance: f64) {
        if found.is_none_or(|found| (found - expected).abs() > tolerance) {
            let found = found.map_or_else(|| "no value".to_owned(), |found| format!("{found:.6}"));
            self.wrong.push(format!("{what}: expected {expected}, found {found}"));
        }
    }
}

/// Runs all cases and prints. Fails when one is wrong.
///
/// # Errors
/// The folder cannot be read, or holds no cases.
pub async fn run(arguments: &OeeArguments) -> Result<ExitCode> {
    let (mut cases, mut unread) = (Vec::new(), Vec::new());
    for file in json_files(&arguments.data)? {
        let text = fs::read_to_string(&file).with_context(|| format!("{} could not be read", file.display()))?;
        let value: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
        match worked::cases(&value)
            .or_else(|| states::cases(&value))
            .or_else(|| classes::cases(&value))
            .or_else(|| calendars::cases(&value))
        {
            Some(found) => {
                println!("{}: {} cases", file.display(), found.len());
                cases.extend(found);
            }
            None => unread.push(file),
        }
    }
    ensure!(!cases.is_empty(), "{} holds no case of a known form", arguments.data.display());
    let (differing, counted): (Vec<&Case>, Vec<&Case>) =
        cases.iter().partition(|case| case.differs.is_some() && !case.wrong.is_empty());
    for case in &counted {
        for wrong in &case.wrong {
            println!("WRONG  {}: {wrong}", case.name);
        }
    }
    for case in &differing {
        println!("other  {}: {} ({})", case.name, case.differs.unwrap_or_default(), case.wrong.join("; "));
    }
    for file in &unread {
        println!("unread {}: of no known form", file.display());
    }
    let passed = counted.iter().filter(|case| case.wrong.is_empty()).count();
    let mut report = Report::new("oee");
    report.word("passed", "cases with every figure as expected", passed).at_least(counted.len() as f64);
    report.word("total", "of cases", counted.len());
    report.word("differing", "cases that are not to be met, told above", differing.len());
    report.word("unread_files", "files of no known form, told above", unread.len());
    report.print();
    Ok(if passed == counted.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All of a folder, in a fixed order. Folders within it count when their names begin with `oee`, so that one may name what
/// holds them.
fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("{} could not be read", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && name.starts_with("oee") {
            files.extend(json_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
