//! One-off entry ids: an entry id that holds a name and an address itself ([MS-OXCDATA] 2.2.5.1).

/// Names the provider of one-off entry ids (`MUIDOOP`).
const PROVIDER: [u8; 16] = [
    0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02,
];
/// The texts are UTF-16, and whoever they name is not sent rich text.
const UNICODE_AND_NO_RICH_INFO: u16 = 0x8001;

/// The entry id of somebody who is known by a name alone: without an address and a kind of address.
///
/// A zero character would end the name for a reader, and is left out.
#[must_use]
pub(crate) fn one_off_entry_id(name: &str) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(PROVIDER);
    let version = 0_u16;
    let texts = [name, "", ""].into_iter().flat_map(|text| {
        let characters = text.chars().filter(|character| *character != '\0');
        let units: Vec<u16> = characters
            .flat_map(|character| character.encode_utf16(&mut [0; 2]).to_vec())
            .collect();
        units.into_iter().chain([0])
    });
    let units = [version, UNICODE_AND_NO_RICH_INFO].into_iter().chain(texts);
    bytes.extend(units.flat_map(u16::to_le_bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_off_entry_id_is_provider_version_flags_and_three_texts() {
        let bytes = one_off_entry_id("A\u{1F600}\0b");
        let expected = [
            &[0; 4][..],
            &PROVIDER,
            &[0x00, 0x00, 0x01, 0x80],
            &[b'A', 0, 0x3D, 0xD8, 0x00, 0xDE, b'b', 0, 0, 0],
            &[0, 0, 0, 0],
        ]
        .concat();
        assert_eq!(bytes, expected);
    }
}
