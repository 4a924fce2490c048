//! One flag per setting, made from the table.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::{Setting, all};

/// The flags that were given, by setting.
#[derive(Debug, Clone, Default)]
pub struct Flags(pub Vec<(&'static Setting, String)>);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.next_help_heading("Settings").args(all().map(|setting| {
            Arg::new(setting.key)
                .long(setting.flag())
                .value_name(setting.form)
                .help(setting.doc.trim())
                .hide_short_help(true)
                .global(true)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in all() {
            if let Some(text) = matches.get_one::<String>(setting.key) {
                self.0.push((setting, text.clone()));
            }
        }
        Ok(())
    }
}
