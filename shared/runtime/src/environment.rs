//! The environment variables of a function, read once, with every mistake listed.

use std::cell::RefCell;
use std::fmt::Display;

/// Reads variables and remembers what is wrong with them.
#[derive(Debug)]
pub struct Environment<F> {
    read: F,
    problems: RefCell<Vec<String>>,
}

/// Everything that is wrong with the environment.
#[derive(Debug, thiserror::Error)]
#[error("the function is not configured right: {}", problems.join("; "))]
pub struct InvalidEnvironment {
    problems: Vec<String>,
}

impl Environment<fn(&str) -> Option<String>> {
    /// The process's own environment.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// An environment that `read` answers for.
    pub fn new(read: F) -> Self {
        Self { read, problems: RefCell::default() }
    }

    /// A text that must be there. Where it is not, the problem is kept for [`Self::finish`].
    pub fn required(&self, name: &str) -> String {
        let value = self.optional(name);
        if value.is_none() {
            self.problem(format!("{name} is not set"));
        }
        value.unwrap_or_default()
    }

    /// A text that may be there; an empty one is as good as none, since a template can't leave a variable out.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|value| !value.trim().is_empty())
    }

    /// A value parsed from a text that may be there, else `default`. What can't be parsed is kept as a problem.
    pub fn parsed<T, E: Display>(&self, name: &str, default: T, parse: impl FnOnce(&str) -> Result<T, E>) -> T {
        match self.optional(name).map(|text| parse(&text)) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.problem(format!("{name}: {error}"));
                default
            }
        }
    }

    /// Hands out what was made of the variables, or every problem met.
    pub fn finish<T>(self, value: T) -> Result<T, InvalidEnvironment> {
        let problems = self.problems.into_inner();
        if problems.is_empty() { Ok(value) } else { Err(InvalidEnvironment { problems }) }
    }

    fn problem(&self, problem: String) {
        self.problems.borrow_mut().push(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(of: &'static [(&'static str, &'static str)]) -> Environment<impl Fn(&str) -> Option<String>> {
        Environment::new(|name| of.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn every_problem_is_listed() {
        let environment = environment(&[("HOURS", "many"), ("EMPTY", " ")]);
        environment.required("TABLE_NAME");
        environment.required("EMPTY");
        let hours = environment.parsed("HOURS", 24, str::parse::<u32>);
        assert_eq!(
            environment.finish(hours).unwrap_err().to_string(),
            "the function is not configured right: TABLE_NAME is not set; EMPTY is not set; \
             HOURS: invalid digit found in string"
        );
    }

    #[test]
    fn what_is_right_is_handed_out() {
        let environment = environment(&[("TABLE_NAME", "t"), ("HOURS", "12")]);
        let read = (environment.required("TABLE_NAME"), environment.parsed("HOURS", 24, str::parse::<u32>));
        assert_eq!(environment.finish(read).unwrap(), ("t".to_owned(), 12));
    }
}
