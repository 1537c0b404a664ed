//! The program `mapistore`: the store from a shell. It is a guest of the library and uses its public interface only.
//!
//! A call goes straight through: [`args`] says what was asked for, [`commands`] has one module for each command,
//! [`exit`] turns what came back into an exit code and, on stderr, into an error for a person or a JSON object.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`args`] | the command line, and how the store is opened |
//! | [`names`] | what people name: entries, folders, `NAME=VALUE`, addresses |
//! | [`file_names`] | files named by a message that can harm nothing |
//! | [`values`] | property values to text and back, and to JSON |
//! | [`output`] | stdout: lines and tables for people, JSON for programs |
//! | [`json`] | the one JSON form of each thing |
//! | [`harmless`] | keeps a message from driving the terminal |
//! | [`exit`] | exit codes and errors |
//! | [`person`], [`prompt`] | asks somebody what is to become of a conflict |
//! | [`report`] | a conflict as text that can harm no terminal |
//! | [`progress`] | bars |
//! | [`kept`] | files with what is not in the store yet |
//! | [`commands`] | one command, one file |
//! | [`view`] | a conflict on the full screen |
//! | [`stress`] | processes that compete, and the judge of what they record |

mod args;
mod commands;
mod exit;
mod file_names;
mod harmless;
mod json;
mod kept;
mod names;
mod output;
mod person;
mod progress;
mod prompt;
mod report;
mod stress;
mod values;
mod view;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;
use crate::exit::Exit;
use crate::output::{Format, Output};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Whether JSON was asked for is not known from arguments that do not parse; the word tells enough.
        Err(error) => {
            return exit::usage(
                &error,
                Format::of(std::env::args_os().any(|arg| arg == OsStr::new("--json"))),
            );
        }
    };
    let format = Format::of(arguments.global.json);
    let mut output = Output::new(format);
    let result = commands::run(arguments, &mut output).and_then(|exit| {
        output.flush()?;
        Ok(exit)
    });
    match result {
        Ok(exit) => exit.into(),
        // Whoever read stdout has read enough.
        Err(error) if exit::is_closed_pipe(&error) => Exit::Done.into(),
        Err(error) => exit::report(&error, format).into(),
    }
}
