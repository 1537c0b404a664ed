//! Pages of rows in the order of their keys.

use crate::error::{Error, Result};

/// The page, if its keys go up from the last of the page before. In a damaged tree they come in any order, again and
/// again, and who turns the pages would never come to the end of them.
///
/// # Errors
///
/// `MAPI_E_CORRUPT_STORE`.
pub(crate) fn in_order<Row, Key: Ord>(
    table: &str,
    after: Key,
    page: Vec<Row>,
    key: impl Fn(&Row) -> Key,
) -> Result<Vec<Row>> {
    let mut last = after;
    for row in &page {
        let key = key(row);
        if key <= last {
            return Err(Error::CorruptStore {
                detail: format!("the rows of {table} are out of order"),
                source: None,
            });
        }
        last = key;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_do_not_go_up_are_damage() {
        let page = |rows: &[i64]| in_order("table", 2, rows.to_vec(), |row| *row).ok();
        assert_eq!(page(&[]), Some(vec![]));
        assert_eq!(page(&[3, 4, 7]), Some(vec![3, 4, 7]));
        for damaged in [&[2_i64, 3][..], &[1], &[3, 3], &[3, 5, 4]] {
            assert_eq!(page(damaged), None, "{damaged:?}");
        }
    }
}
