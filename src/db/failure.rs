//! SQLite's errors as the crate's own.

use std::time::Duration;

use rusqlite::{ErrorCode, ffi};

use crate::error::{Error, Source};

/// Translates an error of SQLite that happened while `doing` something.
///
/// A busy error only comes here after the whole waiting time, since every connection has a busy handler.
pub(crate) fn sqlite(doing: &str, error: rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy {
            waited: Duration::ZERO,
            source: Some(Box::new(error)),
        },
        Some(ErrorCode::DiskFull) => Error::NotEnoughDisk {
            source: Box::new(error),
        },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::CorruptStore {
            detail: format!("SQLite found damage while {doing}"),
            source: Some(Box::new(error)),
        },
        // Nothing that this library writes breaks a CHECK or has another type than its column, unless what is stored did
        // so before: a counter at the end of its range goes on as a number with a fraction.
        Some(ErrorCode::ConstraintViolation)
            if error.sqlite_error().is_some_and(|error| {
                matches!(
                    error.extended_code,
                    ffi::SQLITE_CONSTRAINT_CHECK
                        | ffi::SQLITE_CONSTRAINT_DATATYPE
                        | ffi::SQLITE_CONSTRAINT_FOREIGNKEY
                )
            }) =>
        {
            Error::CorruptStore {
                detail: format!("what is stored breaks a rule of the schema ({doing})"),
                source: Some(Box::new(error)),
            }
        }
        Some(ErrorCode::ReadOnly) => Error::NoAccess {
            detail: format!("the store is read-only ({doing}: {error})"),
        },
        Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            Error::NoAccess {
                detail: format!("{doing}: {error}"),
            }
        }
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed,
        ) => Error::DiskError {
            detail: doing.to_owned(),
            source: Box::new(error),
        },
        Some(ErrorCode::TooBig) => Error::TooBig {
            detail: format!("{doing}: more than SQLite can hold in one value"),
        },
        _ => match error {
            // A cell that does not read as what the schema says is damage, not a mistake of the caller's.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => Error::CorruptStore {
                detail: format!("a value that cannot be was read while {doing}"),
                source: Some(Box::new(error)),
            },
            error if is_unknown_format(&error) => Error::CorruptStore {
                detail: format!("the file's header was damaged ({doing})"),
                source: Some(Box::new(error)),
            },
            error => Error::CallFailed {
                detail: doing.to_owned(),
                source: Some(Box::new(error)),
            },
        },
    }
}

/// A schema format that SQLite does not know is a plain error to it, told apart by its words alone. No store was made with one.
fn is_unknown_format(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(_, Some(words)) if words == "unsupported file format")
}

/// For `map_err`: `.map_err(while_doing("reading a message"))`.
pub(crate) fn while_doing(doing: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| sqlite(doing, error)
}

/// Translates an error of the operating system that happened while `doing` something.
pub(crate) fn system(doing: impl Into<String>, error: std::io::Error) -> Error {
    let detail = doing.into();
    match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            Error::NoAccess {
                detail: format!("{detail}: {error}"),
            }
        }
        std::io::ErrorKind::StorageFull => Error::NotEnoughDisk {
            source: Box::new(error),
        },
        _ => Error::DiskError {
            detail,
            source: Box::new(error),
        },
    }
}

/// Why a write did not come to its end.
#[derive(Debug)]
pub(crate) enum WriteFailure {
    /// Nothing was committed.
    Nothing(Error),
    /// `COMMIT` itself failed: a later opener may find it done all the same (S8).
    CommitUnknown(Source),
}

impl From<Error> for WriteFailure {
    fn from(error: Error) -> Self {
        WriteFailure::Nothing(error)
    }
}

impl From<WriteFailure> for Error {
    fn from(failure: WriteFailure) -> Self {
        match failure {
            WriteFailure::Nothing(error) => error,
            WriteFailure::CommitUnknown(source) => Error::CommitUnknown { source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_that_sqlite_does_not_know_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (a)").unwrap();
        drop(connection);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[47] = 200;
        std::fs::write(&path, bytes).unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        let error = connection.execute_batch("SELECT a FROM t").unwrap_err();
        assert!(matches!(
            sqlite("reading", error),
            Error::CorruptStore { .. }
        ));
    }

    #[test]
    fn broken_rule_of_the_schema_is_damage_whichever_it_is() {
        for code in [
            ffi::SQLITE_CONSTRAINT_CHECK,
            ffi::SQLITE_CONSTRAINT_DATATYPE,
            // A stream that counts as waste while a damaged index hides who refers to it.
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY,
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = sqlite("deleting a stream", error);
            assert!(matches!(error, Error::CorruptStore { .. }), "{error:?}");
        }
    }
}
