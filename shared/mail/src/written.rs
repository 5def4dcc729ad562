//! Writing a mail from its templates.

use crate::{Mail, MailError};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

/// The templates of a mail: what it says is `mail` in them.
pub(crate) struct Templates {
    /// Of the subject; line ends become blanks.
    pub(crate) subject: &'static str,
    /// Of the plain text.
    pub(crate) text: &'static str,
    /// Of the HTML, where all that is put in is escaped.
    pub(crate) html: &'static str,
}

impl Templates {
    /// Writes the mail that says this.
    pub(crate) fn write(&self, says: &impl Serialize) -> Result<Mail, MailError> {
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_auto_escape_callback(|name| if name == "html" { AutoEscape::Html } else { AutoEscape::None });
        let mut render = |name: &'static str, source: &'static str| -> Result<String, MailError> {
            environment.add_template(name, source)?;
            Ok(environment.get_template(name)?.render(context! { mail => Serde(says) })?)
        };
        let subject = render("subject", self.subject)?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Mail { subject, text: render("text", self.text)?, html: render("html", self.html)? })
    }
}
