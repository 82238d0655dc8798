//! Which database a function works with, as its environment says.

use lazycat::pgstac::Target;

use crate::environment::{ConfigurationError, Environment, Reader};

/// The connection string; where there is a secret, what that does not say.
pub const DATABASE: &str = "LAZYCAT_DATABASE";

/// The ARN of a secret with user and password.
pub const SECRET: &str = "LAZYCAT_DATABASE_SECRET";

/// The ARN of the secret, when there is one.
pub fn secret(reader: &mut Reader<'_>) -> Option<String> {
    reader.optional(SECRET, "the ARN of a secret", |arn| Ok::<_, &str>(arn.to_owned()))
}

/// The database, and what is wrong with it. The value may hold a password, so a [`Reader`], which repeats what it does not
/// understand, must not see it.
#[must_use]
pub fn target(environment: &Environment, has_secret: bool) -> (Target, Option<String>) {
    match environment.get(DATABASE).unwrap_or_default().parse::<Target>() {
        Err(error) => (Target::default(), Some(format!("{DATABASE} is no connection string of libpq: {error}"))),
        Ok(target) if !has_secret && environment.get(DATABASE).is_none() => {
            let fault = format!("{DATABASE} is missing, expected a connection string of libpq, or {SECRET}");
            (target, Some(fault))
        }
        Ok(target) => (target, None),
    }
}

/// As [`Reader::finish`], with this fault among the others.
///
/// # Errors
///
/// When there is any fault.
pub fn finish<C>(reader: Reader<'_>, configuration: C, fault: Option<String>) -> Result<C, ConfigurationError> {
    match (reader.finish(configuration), fault) {
        (finished, None) => finished,
        (Ok(_), Some(fault)) => Err(ConfigurationError(vec![fault])),
        (Err(ConfigurationError(mut faults)), Some(fault)) => {
            faults.push(fault);
            Err(ConfigurationError(faults))
        }
    }
}
