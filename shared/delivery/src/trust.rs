//! Whom receivers' certificates may be issued by.
//!
//! The public authorities are Mozilla's, compiled in (`webpki-roots`), not those of the operating system. They are
//! the same on every machine, no file and no environment variable (`SSL_CERT_FILE`) can change them, and they cost
//! nothing at start, where reading and parsing the system's bundle costs milliseconds of every cold start. The price:
//! a change of Mozilla's list arrives with the next build, so that dependencies must be kept up to date.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::{ClientConfig, RootCertStore};

/// Private certificate authorities, trusted in addition to the public ones: `TRUSTED_CA_PEM`.
#[derive(Clone, Debug, Default)]
pub struct TrustedCas {
    certificates: Vec<CertificateDer<'static>>,
}

impl TrustedCas {
    /// Reads certificates in PEM form, one after another. Line ends may be written as `\n`, since a template
    /// parameter has no other way to hold them. Empty text trusts nobody in addition.
    ///
    /// # Errors
    /// [`InvalidCas`] says what is wrong: text without a certificate, a certificate that cannot be read.
    pub fn parse(pem: &str) -> Result<Self, InvalidCas> {
        if pem.trim().is_empty() {
            return Ok(Self::default());
        }
        if pem.contains("PRIVATE KEY-----") {
            return Err(InvalidCas::PrivateKey);
        }
        let pem = pem.replace("\\r", "").replace("\\n", "\n");
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(InvalidCas::Pem)?;
        if certificates.is_empty() {
            return Err(InvalidCas::NoCertificate);
        }
        let mut roots = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            let unreadable = |source| InvalidCas::Certificate { number: index + 1, source };
            roots.add(certificate.clone()).map_err(unreadable)?;
        }
        Ok(Self { certificates })
    }

    /// How many authorities there are.
    pub fn len(&self) -> usize {
        self.certificates.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }
}

/// `TRUSTED_CA_PEM` cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCas {
    /// The text is not PEM.
    #[error("the text is not PEM")]
    Pem(#[source] PemError),
    /// There is no certificate in the text.
    #[error("the text has no `-----BEGIN CERTIFICATE-----`")]
    NoCertificate,
    /// A certificate is not one, or not one that can be an authority.
    #[error("certificate {number} cannot be read")]
    Certificate {
        /// Which, counted from 1.
        number: usize,
        /// Why.
        source: rustls::Error,
    },
    /// The text has a private key, which belongs to the authority alone.
    #[error("the text has a private key: only certificates belong here, and the key should be replaced")]
    PrivateKey,
}

/// The TLS settings of every connection: public and private authorities, TLS 1.2 and 1.3, HTTP/1.1.
pub(crate) fn tls_settings(trusted: &TrustedCas) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in &trusted.certificates {
        roots.add(certificate.clone())?;
    }
    let mut settings = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(settings)
}
