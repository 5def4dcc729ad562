//! Writing a mail from its templates.

use crate::{Line, Mail, MailError};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;

/// Characters of a subject, at most: what some mail servers cut off or refuse is much longer.
const SUBJECT_CHARACTERS: usize = 200;

/// The templates of a mail: what it says is `mail` in them, and its subject `subject`.
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
        // A name that is misspelt in a template is a fault, and no gap in a mail.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut render = |name: &'static str, source: &'static str, subject: &str| -> Result<String, MailError> {
            environment.add_template(name, source)?;
            Ok(environment.get_template(name)?.render(context! { mail => Serde(says), subject })?)
        };
        let subject = Line::of(&render("subject", self.subject, "")?, SUBJECT_CHARACTERS).as_str().to_owned();
        let text = render("text", self.text, &subject)?;
        let html = render("html", self.html, &subject)?;
        Ok(Mail { subject, text, html })
    }
}
