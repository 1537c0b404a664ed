//! Internet mail to MAPI and back: an RFC 5322 message becomes properties, recipients and attachments, and a message
//! a mail.
//!
//! [`parse_message`] is pure: it takes the bytes of a mail and returns a [`ParsedMessage`]. [`Importer`] brings
//! many of them into a folder. What a header or a part becomes follows [MS-OXCMAIL] section 2.2,
//! "MIME to MAPI conversion". [`export`](export()) writes a message as a mail again ([MS-OXCMAIL] section 2.1).
//!
//! * `header_block` finds where the header ends and reads its fields,
//! * `encoded_words` decodes what is not ASCII in unstructured fields,
//! * `entity` takes the MIME structure (RFC 2045, RFC 2046) apart into leaves, `multipart` cuts it,
//! * `content` undoes transfer encodings and character sets,
//! * `envelope` maps the header of the message,
//! * `addresses` maps everything that names people,
//! * `attachment` maps a leaf that is no body,
//! * `message_class` tells reports and S/MIME from ordinary mail,
//! * `export` goes the other way, and asks these same parts what an import would read.
//!
//! Fields, encoded words, dates, addresses, transfer encodings and character sets are read by
//! `mail-parser`. Its message tree is not used: it opens nested messages, and a tree that is nested
//! deeply enough overflows the stack when it is dropped or copied. Here a nested message is
//! bytes to the parser; the importer opens it, as deep as a store allows.
//!
//! [MS-OXCMAIL]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcmail

mod addresses;
mod attachment;
mod content;
mod encoded_words;
mod entity;
mod envelope;
mod export;
mod header_block;
mod import;
mod message_class;
mod multipart;
mod parse;

pub use export::export;
pub use import::Importer;
pub use parse::{ParsedAttachment, ParsedMessage, parse_message};
