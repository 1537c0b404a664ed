//! Constants for the properties that mail uses, without the `PR_` of their names ([MS-OXPROPS] 2).
//!
//! Each knows the Rust type of its values, so that a getter returns it and a setter takes nothing else.

use super::file_time::FileTime;
use super::property_kind::Tag;
use super::property_names::KnownProperty;
use super::property_tag::PropertyTag;

/// Defines a constant for each property, and the table of them all.
macro_rules! properties {
    ($($name:ident: $kind:ident = $value:literal, $canonical:literal, $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            #[doc = concat!("\n\n`PR_", stringify!($name), "`, ", $canonical, ", `", stringify!($value), "`.")]
            pub const $name: properties!(@type $kind) = properties!(@tag $kind, $value);
        )+

        /// All of these.
        pub(super) const KNOWN: &[KnownProperty] = &[$(
            KnownProperty {
                tag: PropertyTag::new($value),
                name: concat!("PR_", stringify!($name)),
                canonical_name: $canonical,
                name_8_bit: concat!("PR_", stringify!($name), "_A"),
            },
        )+];
    };
    // An object has no value of its own, so its tag has no Rust type.
    (@type Object) => { PropertyTag };
    (@type $kind:ident) => { Tag<$kind> };
    (@tag Object, $value:literal) => { PropertyTag::new($value) };
    (@tag $kind:ident, $value:literal) => { Tag::new($value) };
}

type Binary = Vec<u8>;
type MvBinary = Vec<Vec<u8>>;

properties! {
    // What the message is
    MESSAGE_CLASS: String = 0x001A_001F, "PidTagMessageClass",
        "What kind of message it is, such as `IPM.Note`.";
    IMPORTANCE: i32 = 0x0017_0003, "PidTagImportance",
        "How important the sender calls it: 0 low, 1 normal, 2 high.";
    PRIORITY: i32 = 0x0026_0003, "PidTagPriority", "How urgent sending is: -1, 0 or 1.";
    SENSITIVITY: i32 = 0x0036_0003, "PidTagSensitivity",
        "0 none, 1 personal, 2 private, 3 confidential.";
    ORIGINAL_SENSITIVITY: i32 = 0x002E_0003, "PidTagOriginalSensitivity",
        "The sensitivity of the message that this one answers or forwards.";
    ORIG_MESSAGE_CLASS: String = 0x004B_001F, "PidTagOriginalMessageClass",
        "The class of the message that this one reports on.";
    ICON_INDEX: i32 = 0x1080_0003, "PidTagIconIndex", "Which icon a client shows for it.";
    NATIVE_BODY_INFO: i32 = 0x1016_0003, "PidTagNativeBody",
        "Which body is the original: 0 unknown, 1 plain text, 2 RTF, 3 HTML, 4 signed.";
    INTERNET_CPID: i32 = 0x3FDE_0003, "PidTagInternetCodepage",
        "The Windows code page of the HTML body, such as 65001 for UTF-8.";
    MESSAGE_CODEPAGE: i32 = 0x3FFD_0003, "PidTagMessageCodepage",
        "The Windows code page of the 8-bit texts.";
    MESSAGE_LOCALE_ID: i32 = 0x3FF1_0003, "PidTagMessageLocaleId",
        "The language of the texts, as a Windows locale.";
    MSG_EDITOR_FORMAT: i32 = 0x5909_0003, "PidTagMessageEditorFormat",
        "How the user wrote it: 0 unknown, 1 plain text, 2 HTML, 3 RTF.";
    AUTO_FORWARDED: bool = 0x0005_000B, "PidTagAutoForwarded",
        "Whether a program forwarded it.";
    AUTO_FORWARD_COMMENT: String = 0x0004_001F, "PidTagAutoForwardComment",
        "What that program said about it.";
    AUTO_RESPONSE_SUPPRESS: i32 = 0x3FDF_0003, "PidTagAutoResponseSuppress",
        "Bits for the automatic answers that the sender does not want.";

    // Subject
    SUBJECT: String = 0x0037_001F, "PidTagSubject", "The subject, with its prefix.";
    SUBJECT_PREFIX: String = 0x003D_001F, "PidTagSubjectPrefix",
        "What an answer or a forwarded copy puts before the subject, such as `RE: `.";
    NORMALIZED_SUBJECT: String = 0x0E1D_001F, "PidTagNormalizedSubject",
        "The subject without its prefix.";
    ORIGINAL_SUBJECT: String = 0x0049_001F, "PidTagOriginalSubject",
        "The subject of the message that this one reports on.";
    CONVERSATION_TOPIC: String = 0x0070_001F, "PidTagConversationTopic",
        "The subject that the conversation began with, without prefix.";
    CONVERSATION_INDEX: Binary = 0x0071_0102, "PidTagConversationIndex",
        "The place in the conversation, 22 bytes and 5 more for each answer.";
    CONVERSATION_ID: Binary = 0x3013_0102, "PidTagConversationId", "Names the conversation.";
    CONVERSATION_INDEX_TRACKING: bool = 0x3016_000B, "PidTagConversationIndexTracking",
        "Whether the id of the conversation is computed from its index.";
    CONVERSATION_KEY: Binary = 0x000B_0102, "PidTagConversationKey",
        "Names the conversation, in old stores.";

    // Body
    BODY: String = 0x1000_001F, "PidTagBody", "The body as plain text.";
    BODY_HTML: String = 0x1013_001F, "PidTagBodyHtml", "The body in HTML, as text.";
    HTML: Binary = 0x1013_0102, "PidTagHtml",
        "The body in HTML, as bytes in the message's code page.";
    RTF_COMPRESSED: Binary = 0x1009_0102, "PidTagRtfCompressed",
        "The body in RTF, compressed as [MS-OXRTFCP] says.";
    RTF_IN_SYNC: bool = 0x0E1F_000B, "PidTagRtfInSync",
        "Whether the RTF body says the same as the plain one.";
    RTF_SYNC_BODY_CRC: i32 = 0x1006_0003, "PidTagRtfSyncBodyCrc",
        "The checksum of the plain body that the RTF one was last compared with.";
    RTF_SYNC_BODY_COUNT: i32 = 0x1007_0003, "PidTagRtfSyncBodyCount",
        "The significant characters of that plain body.";
    RTF_SYNC_BODY_TAG: String = 0x1008_001F, "PidTagRtfSyncBodyTag",
        "How that plain body began.";
    RTF_SYNC_PREFIX_COUNT: i32 = 0x1010_0003, "PidTagRtfSyncPrefixCount",
        "The blank characters before its text.";
    RTF_SYNC_TRAILING_COUNT: i32 = 0x1011_0003, "PidTagRtfSyncTrailingCount",
        "The blank characters behind its text.";
    BODY_CONTENT_ID: String = 0x1015_001F, "PidTagBodyContentId", "The Content-ID of the body.";
    BODY_CONTENT_LOCATION: String = 0x1014_001F, "PidTagBodyContentLocation",
        "The Content-Location of the body.";

    // People
    SENDER_NAME: String = 0x0C1A_001F, "PidTagSenderName", "The name of who sent it.";
    SENDER_ADDRTYPE: String = 0x0C1E_001F, "PidTagSenderAddressType",
        "The kind of the sender's address, such as `SMTP`.";
    SENDER_EMAIL_ADDRESS: String = 0x0C1F_001F, "PidTagSenderEmailAddress",
        "The sender's address, in the form of its kind.";
    SENDER_ENTRYID: Binary = 0x0C19_0102, "PidTagSenderEntryId",
        "The sender's entry in an address book.";
    SENDER_SEARCH_KEY: Binary = 0x0C1D_0102, "PidTagSenderSearchKey",
        "The sender's address in a form that can be compared.";
    SENDER_SMTP_ADDRESS: String = 0x5D01_001F, "PidTagSenderSmtpAddress",
        "The sender's Internet mail address.";
    SENT_REPRESENTING_NAME: String = 0x0042_001F, "PidTagSentRepresentingName",
        "The name of the one in whose name it was sent.";
    SENT_REPRESENTING_ADDRTYPE: String = 0x0064_001F, "PidTagSentRepresentingAddressType",
        "The kind of that one's address.";
    SENT_REPRESENTING_EMAIL_ADDRESS: String = 0x0065_001F, "PidTagSentRepresentingEmailAddress",
        "That one's address, in the form of its kind.";
    SENT_REPRESENTING_ENTRYID: Binary = 0x0041_0102, "PidTagSentRepresentingEntryId",
        "That one's entry in an address book.";
    SENT_REPRESENTING_SEARCH_KEY: Binary = 0x003B_0102, "PidTagSentRepresentingSearchKey",
        "That one's address in a form that can be compared.";
    SENT_REPRESENTING_SMTP_ADDRESS: String = 0x5D02_001F, "PidTagSentRepresentingSmtpAddress",
        "That one's Internet mail address.";
    RECEIVED_BY_NAME: String = 0x0040_001F, "PidTagReceivedByName",
        "The name of who received it.";
    RECEIVED_BY_ADDRTYPE: String = 0x0075_001F, "PidTagReceivedByAddressType",
        "The kind of the receiver's address.";
    RECEIVED_BY_EMAIL_ADDRESS: String = 0x0076_001F, "PidTagReceivedByEmailAddress",
        "The receiver's address, in the form of its kind.";
    RECEIVED_BY_ENTRYID: Binary = 0x003F_0102, "PidTagReceivedByEntryId",
        "The receiver's entry in an address book.";
    RECEIVED_BY_SEARCH_KEY: Binary = 0x0051_0102, "PidTagReceivedBySearchKey",
        "The receiver's address in a form that can be compared.";
    RECEIVED_BY_SMTP_ADDRESS: String = 0x5D07_001F, "PidTagReceivedBySmtpAddress",
        "The receiver's Internet mail address.";
    RCVD_REPRESENTING_NAME: String = 0x0044_001F, "PidTagReceivedRepresentingName",
        "The name of the one for whom it was received.";
    RCVD_REPRESENTING_ADDRTYPE: String = 0x0077_001F, "PidTagReceivedRepresentingAddressType",
        "The kind of that one's address.";
    RCVD_REPRESENTING_EMAIL_ADDRESS: String = 0x0078_001F, "PidTagReceivedRepresentingEmailAddress",
        "That one's address, in the form of its kind.";
    RCVD_REPRESENTING_ENTRYID: Binary = 0x0043_0102, "PidTagReceivedRepresentingEntryId",
        "That one's entry in an address book.";
    RCVD_REPRESENTING_SEARCH_KEY: Binary = 0x0052_0102, "PidTagReceivedRepresentingSearchKey",
        "That one's address in a form that can be compared.";
    RCVD_REPRESENTING_SMTP_ADDRESS: String = 0x5D08_001F, "PidTagReceivedRepresentingSmtpAddress",
        "That one's Internet mail address.";
    ORIGINAL_SENDER_NAME: String = 0x005A_001F, "PidTagOriginalSenderName",
        "The name of who sent the message that this one answers or forwards.";
    ORIGINAL_SENDER_ADDRTYPE: String = 0x0066_001F, "PidTagOriginalSenderAddressType",
        "The kind of that sender's address.";
    ORIGINAL_SENDER_EMAIL_ADDRESS: String = 0x0067_001F, "PidTagOriginalSenderEmailAddress",
        "That sender's address, in the form of its kind.";
    ORIGINAL_SENDER_ENTRYID: Binary = 0x005B_0102, "PidTagOriginalSenderEntryId",
        "That sender's entry in an address book.";
    ORIGINAL_SENDER_SEARCH_KEY: Binary = 0x005C_0102, "PidTagOriginalSenderSearchKey",
        "That sender's address in a form that can be compared.";
    ORIGINAL_SENT_REPRESENTING_NAME: String = 0x005D_001F, "PidTagOriginalSentRepresentingName",
        "The name of the one in whose name the original was sent.";
    ORIGINAL_SENT_REPRESENTING_ADDRTYPE: String = 0x0068_001F, "PidTagOriginalSentRepresentingAddressType",
        "The kind of that one's address.";
    ORIGINAL_SENT_REPRESENTING_EMAIL_ADDRESS: String = 0x0069_001F, "PidTagOriginalSentRepresentingEmailAddress",
        "That one's address, in the form of its kind.";
    ORIGINAL_SENT_REPRESENTING_ENTRYID: Binary = 0x005E_0102, "PidTagOriginalSentRepresentingEntryId",
        "That one's entry in an address book.";
    ORIGINAL_SENT_REPRESENTING_SEARCH_KEY: Binary = 0x005F_0102, "PidTagOriginalSentRepresentingSearchKey",
        "That one's address in a form that can be compared.";
    ORIGINAL_AUTHOR_NAME: String = 0x004D_001F, "PidTagOriginalAuthorName",
        "The name of who wrote the first message of the chain.";
    ORIGINAL_AUTHOR_ENTRYID: Binary = 0x004C_0102, "PidTagOriginalAuthorEntryId",
        "That author's entry in an address book.";
    ORIGINAL_AUTHOR_SEARCH_KEY: Binary = 0x0056_0102, "PidTagOriginalAuthorSearchKey",
        "That author's address in a form that can be compared.";
    ORIGINAL_AUTHOR_ADDRTYPE: String = 0x0079_001F, "PidTagOriginalAuthorAddressType",
        "The kind of that author's address.";
    ORIGINAL_AUTHOR_EMAIL_ADDRESS: String = 0x007A_001F, "PidTagOriginalAuthorEmailAddress",
        "That author's address, in the form of its kind.";
    ORIGINAL_DISPLAY_TO: String = 0x0074_001F, "PidTagOriginalDisplayTo",
        "The primary recipients of the original.";
    ORIGINAL_DISPLAY_CC: String = 0x0073_001F, "PidTagOriginalDisplayCc",
        "The recipients of copies of the original.";
    ORIGINAL_DISPLAY_BCC: String = 0x0072_001F, "PidTagOriginalDisplayBcc",
        "The hidden recipients of the original.";
    ORIGINAL_SUBMIT_TIME: FileTime = 0x004E_0040, "PidTagOriginalSubmitTime",
        "When the original was sent.";
    ORIGINAL_DELIVERY_TIME: FileTime = 0x0055_0040, "PidTagOriginalDeliveryTime",
        "When the original was delivered.";
    REPLY_RECIPIENT_NAMES: String = 0x0050_001F, "PidTagReplyRecipientNames",
        "The names of those who get the answers, with semicolons between.";
    REPLY_RECIPIENT_ENTRIES: Binary = 0x004F_0102, "PidTagReplyRecipientEntries",
        "The address book entries of those who get the answers.";
    DISPLAY_TO: String = 0x0E04_001F, "PidTagDisplayTo",
        "The names of the primary recipients, with semicolons between.";
    DISPLAY_CC: String = 0x0E03_001F, "PidTagDisplayCc",
        "The names of the recipients of copies, with semicolons between.";
    DISPLAY_BCC: String = 0x0E02_001F, "PidTagDisplayBcc",
        "The names of the hidden recipients, with semicolons between.";
    MESSAGE_TO_ME: bool = 0x0057_000B, "PidTagMessageToMe",
        "Whether the receiver is named as a primary recipient.";
    MESSAGE_CC_ME: bool = 0x0058_000B, "PidTagMessageCcMe",
        "Whether the receiver is named as a recipient of a copy.";
    MESSAGE_RECIP_ME: bool = 0x0059_000B, "PidTagMessageRecipientMe",
        "Whether the receiver is named as a recipient at all.";
    LAST_MODIFIER_NAME: String = 0x3FFA_001F, "PidTagLastModifierName",
        "Who saved the newest version.";
    LAST_MODIFIER_ENTRYID: Binary = 0x3FFB_0102, "PidTagLastModifierEntryId",
        "The address book entry of who saved the newest version.";
    CREATOR_NAME: String = 0x3FF8_001F, "PidTagCreatorName", "Who created it.";
    CREATOR_ENTRYID: Binary = 0x3FF9_0102, "PidTagCreatorEntryId",
        "The address book entry of who created it.";

    // Times
    CLIENT_SUBMIT_TIME: FileTime = 0x0039_0040, "PidTagClientSubmitTime",
        "When the sender sent it.";
    MESSAGE_DELIVERY_TIME: FileTime = 0x0E06_0040, "PidTagMessageDeliveryTime",
        "When it was delivered.";
    CREATION_TIME: FileTime = 0x3007_0040, "PidTagCreationTime", "When it was created.";
    LAST_MODIFICATION_TIME: FileTime = 0x3008_0040, "PidTagLastModificationTime",
        "When its newest version was saved.";
    LOCAL_COMMIT_TIME: FileTime = 0x6709_0040, "PidTagLocalCommitTime",
        "When this store last wrote it.";
    EXPIRY_TIME: FileTime = 0x0015_0040, "PidTagExpiryTime",
        "After when the sender calls it out of date.";
    REPLY_TIME: FileTime = 0x0030_0040, "PidTagReplyTime",
        "Until when the sender wants an answer.";
    DEFERRED_DELIVERY_TIME: FileTime = 0x000F_0040, "PidTagDeferredDeliveryTime",
        "Before when it is not to be delivered.";
    DEFERRED_SEND_TIME: FileTime = 0x3FEF_0040, "PidTagDeferredSendTime",
        "Before when it is not to be sent.";
    DEFERRED_SEND_NUMBER: i32 = 0x3FEB_0003, "PidTagDeferredSendNumber",
        "How many units sending is put off.";
    DEFERRED_SEND_UNITS: i32 = 0x3FEC_0003, "PidTagDeferredSendUnits",
        "The unit of that: 0 minutes, 1 hours, 2 days, 3 weeks.";
    EXPIRY_NUMBER: i32 = 0x3FED_0003, "PidTagExpiryNumber",
        "After how many units from sending it is out of date.";
    EXPIRY_UNITS: i32 = 0x3FEE_0003, "PidTagExpiryUnits",
        "The unit of that: 0 minutes, 1 hours, 2 days, 3 weeks.";
    RECEIPT_TIME: FileTime = 0x002A_0040, "PidTagReceiptTime",
        "When the message that this one reports on was delivered or read.";
    REPORT_TIME: FileTime = 0x0032_0040, "PidTagReportTime", "When the report was made.";
    START_DATE: FileTime = 0x0060_0040, "PidTagStartDate",
        "When what the message is about begins.";
    END_DATE: FileTime = 0x0061_0040, "PidTagEndDate", "When what the message is about ends.";
    PROVIDER_SUBMIT_TIME: FileTime = 0x0048_0040, "PidTagProviderSubmitTime",
        "When the sender's transport took it.";

    // Reports, receipts and sending
    READ_RECEIPT_REQUESTED: bool = 0x0029_000B, "PidTagReadReceiptRequested",
        "Whether the sender wants to know that it was read.";
    NON_RECEIPT_NOTIFICATION_REQUESTED: bool = 0x0C06_000B, "PidTagNonReceiptNotificationRequested",
        "Whether the sender wants to know that it was not read.";
    ORIGINATOR_DELIVERY_REPORT_REQUESTED: bool = 0x0023_000B, "PidTagOriginatorDeliveryReportRequested",
        "Whether the sender wants to know that it was delivered.";
    ORIGINATOR_NON_DELIVERY_REPORT_REQUESTED: bool = 0x0C08_000B, "PidTagOriginatorNonDeliveryReportRequested",
        "Whether the sender wants to know that it was not delivered.";
    REPLY_REQUESTED: bool = 0x0C17_000B, "PidTagReplyRequested",
        "Whether the sender wants an answer.";
    RESPONSE_REQUESTED: bool = 0x0063_000B, "PidTagResponseRequested",
        "Whether the organizer wants an answer to the invitation.";
    RECIPIENT_REASSIGNMENT_PROHIBITED: bool = 0x002B_000B, "PidTagRecipientReassignmentProhibited",
        "Whether it must go to nobody else than its recipients.";
    ALTERNATE_RECIPIENT_ALLOWED: bool = 0x0002_000B, "PidTagAlternateRecipientAllowed",
        "Whether it may go to somebody else where a recipient is not found.";
    DELETE_AFTER_SUBMIT: bool = 0x0E01_000B, "PidTagDeleteAfterSubmit",
        "Whether no copy of it is kept when it was sent.";
    SENTMAIL_ENTRYID: Binary = 0x0E0A_0102, "PidTagSentMailEntryId",
        "The folder for the copy that is kept when it was sent.";
    READ_RECEIPT_ENTRYID: Binary = 0x0046_0102, "PidTagReadReceiptEntryId",
        "The address book entry of who gets read reports.";
    READ_RECEIPT_SEARCH_KEY: Binary = 0x0053_0102, "PidTagReadReceiptSearchKey",
        "That one's address in a form that can be compared.";
    REPORT_TAG: Binary = 0x0031_0102, "PidTagReportTag",
        "What a report gives back to the sender's client, to find the original by.";
    REPORT_TEXT: String = 0x1001_001F, "PidTagReportText", "The text of a report.";
    REPORT_NAME: String = 0x003A_001F, "PidTagReportName",
        "The name of who gets delivery reports.";
    REPORT_ENTRYID: Binary = 0x0045_0102, "PidTagReportEntryId",
        "The address book entry of who gets delivery reports.";
    REPORT_SEARCH_KEY: Binary = 0x0054_0102, "PidTagReportSearchKey",
        "That one's address in a form that can be compared.";
    REPORTING_MTA: String = 0x6820_001F, "PidTagReportingMessageTransferAgent",
        "The host that made a delivery report.";
    SUBMIT_FLAGS: i32 = 0x0E14_0003, "PidTagSubmitFlags",
        "Bits for the state of sending: 1 locked, 2 needs preprocessing.";
    MESSAGE_SUBMISSION_ID: Binary = 0x0047_0102, "PidTagMessageSubmissionId",
        "The id that the sender's transport gave it.";
    TARGET_ENTRYID: Binary = 0x3010_0102, "PidTagTargetEntryId",
        "Where a moved or copied message came from.";
    NDR_REASON_CODE: i32 = 0x0C04_0003, "PidTagNonDeliveryReportReasonCode",
        "Why it was not delivered, as X.400 says it.";
    NDR_DIAG_CODE: i32 = 0x0C05_0003, "PidTagNonDeliveryReportDiagCode",
        "Why it was not delivered, in more detail.";
    NDR_STATUS_CODE: i32 = 0x0C20_0003, "PidTagNonDeliveryReportStatusCode",
        "Why it was not delivered, as three digits of RFC 3463.";
    SUPPLEMENTARY_INFO: String = 0x0C1B_001F, "PidTagSupplementaryInfo",
        "What a report says besides.";

    // Internet
    TRANSPORT_MESSAGE_HEADERS: String = 0x007D_001F, "PidTagTransportMessageHeaders",
        "The header that it came with, as text.";
    INTERNET_MESSAGE_ID: String = 0x1035_001F, "PidTagInternetMessageId",
        "The Message-ID, with its angle brackets.";
    IN_REPLY_TO_ID: String = 0x1042_001F, "PidTagInReplyToId",
        "The Message-ID of the message that this one answers.";
    INTERNET_REFERENCES: String = 0x1039_001F, "PidTagInternetReferences",
        "The Message-IDs of the conversation so far.";
    LIST_HELP: String = 0x1043_001F, "PidTagListHelp", "Where a mailing list explains itself.";
    LIST_SUBSCRIBE: String = 0x1044_001F, "PidTagListSubscribe",
        "Where one joins a mailing list.";
    LIST_UNSUBSCRIBE: String = 0x1045_001F, "PidTagListUnsubscribe",
        "Where one leaves a mailing list.";
    INETMAIL_OVERRIDE_FORMAT: i32 = 0x5902_0003, "PidTagInternetMailOverrideFormat",
        "Bits for the form in which it is sent to Internet recipients.";
    TNEF_CORRELATION_KEY: Binary = 0x007F_0102, "PidTagTnefCorrelationKey",
        "Tells to which message a TNEF attachment belongs.";
    CONTENT_FILTER_SCL: i32 = 0x4076_0003, "PidTagContentFilterSpamConfidenceLevel",
        "How sure a filter is that it is spam: -1 trusted, 0 to 9.";

    // State
    MESSAGE_FLAGS: i32 = 0x0E07_0003, "PidTagMessageFlags",
        "The bits of [`MessageFlags`](crate::MessageFlags).";
    MSG_STATUS: i32 = 0x0E17_0003, "PidTagMessageStatus",
        "The bits of [`MessageStatus`](crate::MessageStatus).";
    MESSAGE_SIZE: i32 = 0x0E08_0003, "PidTagMessageSize", "The bytes that it counts.";
    MESSAGE_SIZE_EXTENDED: i64 = 0x0E08_0014, "PidTagMessageSizeExtended",
        "The bytes that it counts, also beyond 2 GiB.";
    HASATTACH: bool = 0x0E1B_000B, "PidTagHasAttachments",
        "Whether it has attachments that are not hidden.";
    READ: bool = 0x0E69_000B, "PidTagRead", "Whether it was read.";
    FLAG_STATUS: i32 = 0x1090_0003, "PidTagFlagStatus",
        "The follow-up flag: 0 none, 1 done, 2 set.";
    FLAG_COMPLETE_TIME: FileTime = 0x1091_0040, "PidTagFlagCompleteTime",
        "When the follow-up was done.";
    FOLLOWUP_ICON: i32 = 0x1095_0003, "PidTagFollowupIcon", "The colour of the follow-up flag.";
    TODO_ITEM_FLAGS: i32 = 0x0E2B_0003, "PidTagToDoItemFlags",
        "Bits for its place in the to-do list.";
    LAST_VERB_EXECUTED: i32 = 0x1081_0003, "PidTagLastVerbExecuted",
        "What the user did last: 102 answered, 103 answered all, 104 forwarded.";
    LAST_VERB_EXECUTION_TIME: FileTime = 0x1082_0040, "PidTagLastVerbExecutionTime",
        "When the user did that.";
    SWAPPED_TODO_STORE: Binary = 0x0E2C_0102, "PidTagSwappedToDoStore",
        "The store that the follow-up data of a sent message is for.";
    SWAPPED_TODO_DATA: Binary = 0x0E2D_0102, "PidTagSwappedToDoData",
        "The follow-up data that the sender keeps.";
    ASSOCIATED: bool = 0x67AA_000B, "PidTagAssociated",
        "Whether it is a hidden message of its folder (FAI).";

    // Identity and synchronisation
    ENTRYID: Binary = 0x0FFF_0102, "PidTagEntryId", "Names it for whoever wants to open it.";
    PARENT_ENTRYID: Binary = 0x0E09_0102, "PidTagParentEntryId", "The folder that it is in.";
    RECORD_KEY: Binary = 0x0FF9_0102, "PidTagRecordKey",
        "Names it within its store, in a form that can be compared.";
    SEARCH_KEY: Binary = 0x300B_0102, "PidTagSearchKey",
        "Stays the same in copies, to find related ones by.";
    STORE_ENTRYID: Binary = 0x0FFB_0102, "PidTagStoreEntryId", "The store that it is in.";
    STORE_RECORD_KEY: Binary = 0x0FFA_0102, "PidTagStoreRecordKey",
        "The store that it is in, in a form that can be compared.";
    MAPPING_SIGNATURE: Binary = 0x0FF8_0102, "PidTagMappingSignature",
        "Objects that agree in it agree in the ids of named properties.";
    HAS_NAMED_PROPERTIES: bool = 0x664A_000B, "PidTagHasNamedProperties",
        "Whether named properties were set on it when it was saved last.";
    INSTANCE_KEY: Binary = 0x0FF6_0102, "PidTagInstanceKey", "Names a row of a table.";
    OBJECT_TYPE: i32 = 0x0FFE_0003, "PidTagObjectType",
        "What kind of object it is: 1 store, 3 folder, 5 message, 6 mail user, 7 attachment.";
    ACCESS: i32 = 0x0FF4_0003, "PidTagAccess",
        "Bits for what the client may do: 1 modify, 2 read, 4 delete, and more for folders.";
    ACCESS_LEVEL: i32 = 0x0FF7_0003, "PidTagAccessLevel",
        "How the object is open: the numbers of [`AccessLevel`](crate::AccessLevel).";
    STORE_SUPPORT_MASK: i32 = 0x340D_0003, "PidTagStoreSupportMask",
        "Bits for what the store can do.";
    SOURCE_KEY: Binary = 0x65E0_0102, "PidTagSourceKey", "Names it for synchronisation.";
    PARENT_SOURCE_KEY: Binary = 0x65E1_0102, "PidTagParentSourceKey",
        "Names its folder for synchronisation.";
    CHANGE_KEY: Binary = 0x65E2_0102, "PidTagChangeKey",
        "Names its version: a [`ChangeKey`](crate::ChangeKey).";
    PREDECESSOR_CHANGE_LIST: Binary = 0x65E3_0102, "PidTagPredecessorChangeList",
        "The versions before: a [`PredecessorChangeList`](crate::PredecessorChangeList).";
    CHANGE_NUM: i64 = 0x67A4_0014, "PidTagChangeNumber",
        "Its place in the store's order of commits.";
    CONFLICT_ENTRYID: Binary = 0x3FF0_0102, "PidTagConflictEntryId",
        "On a copy that came out of a conflict: the message that it was in conflict with.";
    CONFLICT_ITEMS: MvBinary = 0x1098_1102, "PidTagConflictItems",
        "The entry ids of the versions that lost a conflict against it.";
    RESOLVE_METHOD: i32 = 0x3FE7_0003, "PidTagResolveMethod",
        "Bits for how a conflict is resolved: 0 as usual, 1 the last writer wins.";

    // Recipients
    ROWID: i32 = 0x3000_0003, "PidTagRowid", "Names a recipient within the message.";
    RECIPIENT_TYPE: i32 = 0x0C15_0003, "PidTagRecipientType",
        "The part that it plays: the numbers of [`RecipientKind`](crate::RecipientKind).";
    DISPLAY_NAME: String = 0x3001_001F, "PidTagDisplayName",
        "The name to show, of a recipient, a folder or another object.";
    ADDRTYPE: String = 0x3002_001F, "PidTagAddressType", "The kind of address, such as `SMTP`.";
    EMAIL_ADDRESS: String = 0x3003_001F, "PidTagEmailAddress",
        "The address, in the form of its kind.";
    SMTP_ADDRESS: String = 0x39FE_001F, "PidTagSmtpAddress", "The Internet mail address.";
    DISPLAY_TYPE: i32 = 0x3900_0003, "PidTagDisplayType",
        "How an address book shows it: 0 user, 1 list, and others.";
    DISPLAY_TYPE_EX: i32 = 0x3905_0003, "PidTagDisplayTypeEx",
        "The same, with what another organization sees.";
    RESPONSIBILITY: bool = 0x0E0F_000B, "PidTagResponsibility",
        "Whether a transport took care of this recipient.";
    SEND_RICH_INFO: bool = 0x3A40_000B, "PidTagSendRichInfo",
        "Whether the recipient can read TNEF.";
    SEND_INTERNET_ENCODING: i32 = 0x3A71_0003, "PidTagSendInternetEncoding",
        "Bits for the form in which the recipient wants mail.";
    RECIPIENT_FLAGS: i32 = 0x5FFD_0003, "PidTagRecipientFlags",
        "Bits for a recipient of a meeting: 1 can be sent to, 2 organizer.";
    RECIPIENT_TRACKSTATUS: i32 = 0x5FFF_0003, "PidTagRecipientTrackStatus",
        "What the recipient answered: 0 none, 2 tentative, 3 accepted, 4 declined.";
    RECIPIENT_TRACKSTATUS_TIME: FileTime = 0x5FFB_0040, "PidTagRecipientTrackStatusTime",
        "When the recipient answered.";
    RECIPIENT_ENTRYID: Binary = 0x5FF7_0102, "PidTagRecipientEntryId",
        "The recipient's entry in an address book.";
    RECIPIENT_DISPLAY_NAME: String = 0x5FF6_001F, "PidTagRecipientDisplayName",
        "The name of the recipient as the sender sees it.";
    RECIPIENT_ORDER: i32 = 0x5FDF_0003, "PidTagRecipientOrder",
        "The place of the recipient among the others.";
    RECIPIENT_PROPOSED: bool = 0x5FE1_000B, "PidTagRecipientProposed",
        "Whether the recipient proposes another time.";
    RECIPIENT_PROPOSEDSTARTTIME: FileTime = 0x5FE3_0040, "PidTagRecipientProposedStartTime",
        "When the meeting would then begin.";
    RECIPIENT_PROPOSEDENDTIME: FileTime = 0x5FE4_0040, "PidTagRecipientProposedEndTime",
        "When the meeting would then end.";
    TRANSMITABLE_DISPLAY_NAME: String = 0x3A20_001F, "PidTagTransmittableDisplayName",
        "The name to send to others.";

    // Attachments
    ATTACH_NUM: i32 = 0x0E21_0003, "PidTagAttachNumber",
        "Names an attachment within the message.";
    ATTACH_SIZE: i32 = 0x0E20_0003, "PidTagAttachSize", "The bytes that it counts.";
    ATTACH_METHOD: i32 = 0x3705_0003, "PidTagAttachMethod",
        "How its content is had: the numbers of [`AttachMethod`](crate::AttachMethod).";
    ATTACH_FILENAME: String = 0x3704_001F, "PidTagAttachFilename",
        "The file name, of eight characters and an extension of three.";
    ATTACH_LONG_FILENAME: String = 0x3707_001F, "PidTagAttachLongFilename", "The file name.";
    ATTACH_PATHNAME: String = 0x3708_001F, "PidTagAttachPathname",
        "The path of a file that is referred to, of short names.";
    ATTACH_LONG_PATHNAME: String = 0x370D_001F, "PidTagAttachLongPathname",
        "The path of a file that is referred to.";
    ATTACH_EXTENSION: String = 0x3703_001F, "PidTagAttachExtension",
        "The extension of the file name, with its dot.";
    ATTACH_DATA_BIN: Binary = 0x3701_0102, "PidTagAttachDataBinary", "The content as bytes.";
    ATTACH_DATA_OBJ: Object = 0x3701_000D, "PidTagAttachDataObject",
        "The content as a message or an OLE object.";
    ATTACH_ENCODING: Binary = 0x3702_0102, "PidTagAttachEncoding",
        "Names the Macintosh encoding, if there is one.";
    ATTACH_TAG: Binary = 0x370A_0102, "PidTagAttachTag", "Names the application that made it.";
    ATTACH_RENDERING: Binary = 0x3709_0102, "PidTagAttachRendering",
        "A picture to show for it.";
    RENDERING_POSITION: i32 = 0x370B_0003, "PidTagRenderingPosition",
        "Its place in the plain body, in characters; -1 for none.";
    ATTACH_MIME_TAG: String = 0x370E_001F, "PidTagAttachMimeTag",
        "The media type, such as `text/csv`.";
    ATTACH_ADDITIONAL_INFO: Binary = 0x370F_0102, "PidTagAttachAdditionalInformation",
        "More about the Macintosh file.";
    ATTACH_CONTENT_ID: String = 0x3712_001F, "PidTagAttachContentId",
        "The Content-ID by which the HTML body refers to it, without angle brackets.";
    ATTACH_CONTENT_LOCATION: String = 0x3713_001F, "PidTagAttachContentLocation",
        "The Content-Location by which the HTML body refers to it.";
    ATTACH_CONTENT_BASE: String = 0x3711_001F, "PidTagAttachContentBase",
        "The Content-Base of that.";
    ATTACH_FLAGS: i32 = 0x3714_0003, "PidTagAttachFlags",
        "Bits: 1 not for HTML, 2 not for RTF, 4 shown within the body.";
    ATTACH_TRANSPORT_NAME: String = 0x370C_001F, "PidTagAttachTransportName",
        "The name that a transport gave it.";
    ATTACHMENT_HIDDEN: bool = 0x7FFE_000B, "PidTagAttachmentHidden",
        "Whether a client leaves it out of the list of attachments.";
    ATTACHMENT_FLAGS: i32 = 0x7FFD_0003, "PidTagAttachmentFlags",
        "Bits for an exception of a series of appointments.";
    ATTACHMENT_LINKID: i32 = 0x7FFA_0003, "PidTagAttachmentLinkId",
        "Names the calendar entry that it belongs to.";
    ATTACHMENT_CONTACTPHOTO: bool = 0x7FFF_000B, "PidTagAttachmentContactPhoto",
        "Whether it is the photograph of a contact.";
    EXCEPTION_STARTTIME: FileTime = 0x7FFB_0040, "PidTagExceptionStartTime",
        "When an exception of a series begins.";
    EXCEPTION_ENDTIME: FileTime = 0x7FFC_0040, "PidTagExceptionEndTime",
        "When an exception of a series ends.";
    MESSAGE_RECIPIENTS: Object = 0x0E12_000D, "PidTagMessageRecipients",
        "All recipients, as a table.";
    MESSAGE_ATTACHMENTS: Object = 0x0E13_000D, "PidTagMessageAttachments",
        "All attachments, as a table.";

    // Folders
    COMMENT: String = 0x3004_001F, "PidTagComment", "What the user says about it.";
    CONTENT_COUNT: i32 = 0x3602_0003, "PidTagContentCount",
        "How many messages the folder holds.";
    CONTENT_UNREAD: i32 = 0x3603_0003, "PidTagContentUnreadCount",
        "How many of them are unread.";
    SUBFOLDERS: bool = 0x360A_000B, "PidTagSubfolders", "Whether the folder holds folders.";
    FOLDER_TYPE: i32 = 0x3601_0003, "PidTagFolderType",
        "0 the root, 1 an ordinary folder, 2 a search.";
    CONTAINER_CLASS: String = 0x3613_001F, "PidTagContainerClass",
        "What kind of items the folder is for, such as `IPF.Note`.";
    CONTAINER_FLAGS: i32 = 0x3600_0003, "PidTagContainerFlags",
        "Bits for what can be done with an address book container.";
    ASSOC_CONTENT_COUNT: i32 = 0x3617_0003, "PidTagAssociatedContentCount",
        "How many hidden messages the folder holds.";
    DELETED_COUNT_TOTAL: i32 = 0x670B_0003, "PidTagDeletedCountTotal",
        "How many soft-deleted messages the folder holds.";
    DELETED_ON: FileTime = 0x668F_0040, "PidTagDeletedOn", "When it was soft-deleted.";
    ATTR_HIDDEN: bool = 0x10F4_000B, "PidTagAttributeHidden",
        "Whether a client does not show the folder.";
    RIGHTS: i32 = 0x6639_0003, "PidTagRights", "Bits for what the user may do with the folder.";
    DEPTH: i32 = 0x3005_0003, "PidTagDepth", "How deep a row of a hierarchy stands.";
    HIERARCHY_CHANGE_NUM: i32 = 0x663E_0003, "PidTagHierarchyChangeNumber",
        "Grows when folders are created or deleted in the folder.";
    IPM_SUBTREE_ENTRYID: Binary = 0x35E0_0102, "PidTagIpmSubtreeEntryId",
        "The root of the folders that people see.";
    IPM_OUTBOX_ENTRYID: Binary = 0x35E2_0102, "PidTagIpmOutboxEntryId",
        "The folder for what is to be sent.";
    IPM_WASTEBASKET_ENTRYID: Binary = 0x35E3_0102, "PidTagIpmWastebasketEntryId",
        "The folder for what was thrown away.";
    IPM_SENTMAIL_ENTRYID: Binary = 0x35E4_0102, "PidTagIpmSentMailEntryId",
        "The folder for what was sent.";
    IPM_DRAFTS_ENTRYID: Binary = 0x36D7_0102, "PidTagIpmDraftsEntryId",
        "The folder for what is not finished.";
    IPM_APPOINTMENT_ENTRYID: Binary = 0x36D0_0102, "PidTagIpmAppointmentEntryId",
        "The calendar.";
    IPM_CONTACT_ENTRYID: Binary = 0x36D1_0102, "PidTagIpmContactEntryId", "The contacts.";
    FINDER_ENTRYID: Binary = 0x35E7_0102, "PidTagFinderEntryId", "The root of the searches.";
    VALID_FOLDER_MASK: i32 = 0x35DF_0003, "PidTagValidFolderMask",
        "Bits for which of these folders the store has.";

    // The store's own
    INTERNET_HEADERS_RAW: Binary = 0x66F0_0102, "PidTagInternetHeadersRaw",
        "The header of an imported mail, byte for byte. Not MAPI's: ids 0x6600 to 0x67FF are a provider's own.";
}

/// The header of an imported mail, byte for byte: [`INTERNET_HEADERS_RAW`].
pub const MIME_HEADERS: Tag<Binary> = INTERNET_HEADERS_RAW;
