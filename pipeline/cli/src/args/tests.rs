//! What help promises: every command ends with an example.

use clap::CommandFactory;

use super::*;

/// The commands that do something, by their whole names.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
    let path = format!("{path} {}", command.get_name());
    if command.get_subcommands().next().is_none() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        found.push((path, after));
        return;
    }
    command.get_subcommands().for_each(|below| leaves(below, &path, found));
}

#[test]
fn the_help_of_every_command_ends_with_an_example() {
    let mut found = Vec::new();
    leaves(&Cli::command(), "", &mut found);
    let without: Vec<&String> =
        found.iter().filter(|(_, after)| !after.contains("Example:")).map(|(path, _)| path).collect();
    assert!(found.len() > 30 && without.is_empty(), "{without:?}");
}
