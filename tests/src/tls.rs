//! Certificates of a test's own: an authority, and what it signs.

// A certificate that cannot be made ends the test.
#![allow(clippy::panic)]

use std::fmt::Display;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// An authority that only those trust who are told to.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, PEM.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    ///
    /// When keys cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let mut parameters = made(CertificateParams::new(Vec::new()));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(made(CertifiedIssuer::self_signed(parameters, made(KeyPair::generate()))))
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a server of this name or address.
    ///
    /// # Panics
    ///
    /// When keys cannot be made.
    #[must_use]
    pub fn sign(&self, name: &str) -> Signed {
        let (certificate, key) = self.signed(name);
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    fn signed(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = made(KeyPair::generate());
        let parameters = made(CertificateParams::new(vec![name.to_owned()]));
        (made(parameters.signed_by(&key, &self.0)), key)
    }

    /// What makes a server of a socket, under this name or address.
    ///
    /// # Panics
    ///
    /// When keys cannot be made.
    #[must_use]
    pub fn acceptor(&self, name: &str) -> TlsAcceptor {
        let (certificate, key) = self.signed(name);
        let key = made(PrivateKeyDer::try_from(key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth();
        TlsAcceptor::from(Arc::new(made(config.with_single_cert(vec![certificate.der().clone()], key))))
    }

    /// TLS of a client that trusts this authority alone.
    ///
    /// # Panics
    ///
    /// When its certificate is not understood.
    #[must_use]
    pub fn trusted(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let own: CertificateDer<'static> = self.0.der().clone();
        made(roots.add(own));
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn made<T, E: Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
