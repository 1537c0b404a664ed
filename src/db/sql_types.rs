//! How the model's types stand in columns.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::model::{
    ChangeNumber, FileTime, FolderKind, ObjectUid, PropertySet, ReadState, RowVersion, SaveId,
    StoreUid, StreamHash,
};

macro_rules! blob_column {
    ($($type:ident),*) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
            }
        }
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?;
                let bytes = bytes.try_into().map_err(|error| FromSqlError::Other(Box::new(error)))?;
                Ok($type::from_bytes(bytes))
            }
        }
    )*};
}

blob_column!(ObjectUid, StoreUid, SaveId, StreamHash, PropertySet);

macro_rules! integer_column {
    ($($type:ident),*) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.get()))
            }
        }
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let number = value.as_i64()?;
                $type::new(number).ok_or(FromSqlError::OutOfRange(number))
            }
        }
    )*};
}

integer_column!(RowVersion, ChangeNumber);

impl ToSql for FileTime {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.to_string()))
    }
}

impl FromSql for FileTime {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        FileTime::parse(value.as_str()?).ok_or_else(|| FromSqlError::Other("not a time".into()))
    }
}

impl ToSql for ReadState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(matches!(self, ReadState::Read)))
    }
}

impl FromSql for ReadState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(if bool::column_result(value)? {
            ReadState::Read
        } else {
            ReadState::Unread
        })
    }
}

impl ToSql for FolderKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.name()))
    }
}

impl FromSql for FolderKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        FolderKind::from_name(name)
            .ok_or_else(|| FromSqlError::Other(format!("unknown kind of folder {name:?}").into()))
    }
}
