//! A tag of a message: what finds it again in SES's records.

use spacehook_domain::notice::NoticeId;

/// The value of the tag `spacehook-notice` that a mail is sent with, so that it is found again in SES's records of what
/// it sent, delivered and got back: the notice's id, which has none but the characters that SES takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailTag(String);

impl MailTag {
    /// The tag's name.
    pub const NAME: &'static str = "spacehook-notice";

    /// The tag of the mail about a notice.
    pub fn of(notice: &NoticeId) -> Self {
        Self(notice.to_string())
    }

    /// As SES takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_ses_takes_and_reads_back() {
        let longest = format!("{}_sub_{:032x}_{}_recovered", "a".repeat(63), 1, i64::MAX);
        let notice = NoticeId::parse(&longest).unwrap();
        let tag = MailTag::of(&notice);
        assert!(tag.as_str().len() <= 256);
        assert!(tag.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(NoticeId::parse(tag.as_str()), Ok(notice));
    }
}
