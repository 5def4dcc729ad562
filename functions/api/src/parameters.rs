//! Reading the parameters of a query so that all mistakes are found at once.

use crate::fields::unknown;
use crate::problem::{FieldError, Problem};
use axum::extract::Query;
use http::Uri;
use std::fmt::Display;

/// The parameters of a query, as far as they have been read.
#[derive(Debug)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// The parameters that a request has.
    pub fn of(uri: &Uri) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let pairs = query.map_err(|_| Problem::parameter("query", "can't be read as form-encoded pairs"))?.0;
        Ok(Self { pairs, known: Vec::new(), errors: Vec::new() })
    }

    /// A parameter that may be left out; none also where it is wrong, which is noted.
    pub fn read<T, E: Display>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        self.known.push(name);
        let mut values = self.pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        let value = values.next()?;
        let read = if values.next().is_some() {
            Err("is there twice".to_owned())
        } else {
            parse(value).map_err(|error| error.to_string())
        };
        read.map_err(|detail| self.refuse(name, detail)).ok()
    }

    /// A parameter that names one of `all`, and may be left out.
    pub fn read_one_of<T: Copy>(&mut self, name: &'static str, all: &[(&str, T)]) -> Option<T> {
        self.read(name, |text| {
            let found = all.iter().find(|(known, _)| *known == text);
            found.map(|(_, one)| *one).ok_or_else(|| {
                let known: Vec<_> = all.iter().map(|(known, _)| *known).collect();
                format!("must be one of {}", known.join(", "))
            })
        })
    }

    /// Those of these names that the request has, as one text: another text where any is another.
    pub fn said(&self, names: &[&str]) -> String {
        let mut said: Vec<_> = self.pairs.iter().filter(|(name, _)| names.contains(&name.as_str())).collect();
        said.sort();
        said.iter().flat_map(|(name, value)| [name.as_str(), "=", value, "\n"]).collect()
    }

    /// Everything that is wrong, with the parameters that nobody asked for.
    pub fn finish(mut self) -> Result<(), Problem> {
        let strange: Vec<_> = self
            .pairs
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| !self.known.contains(&name.as_str()))
            .collect();
        for name in strange {
            let detail = unknown(&name, &self.known);
            self.refuse(&name, detail);
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::of_errors(self.errors)) }
    }

    fn refuse(&mut self, name: &str, detail: String) {
        self.errors.push(FieldError { parameter: Some(name.to_owned()), detail, ..FieldError::default() });
    }
}
