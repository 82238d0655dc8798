//! The search index that is audited beside the catalog, as the environment names it.

use std::collections::BTreeSet;

use lazycat::aws::{IndexPlace, IndexUser};
use lazycat::pgstac::Target;
use lazycat_function::environment::{ConfigurationError, Environment, Reader};

/// The connection string; where there is a secret, what that does not say.
const DATABASE: &str = "LAZYCAT_INDEX_DATABASE";
const DATABASE_SECRET: &str = "LAZYCAT_INDEX_DATABASE_SECRET";
const OPENSEARCH: &str = "LAZYCAT_INDEX_OPENSEARCH_URL";
const OPENSEARCH_SECRET: &str = "LAZYCAT_INDEX_OPENSEARCH_SECRET";
const OPENSEARCH_ACCESS: &str = "LAZYCAT_INDEX_OPENSEARCH_ACCESS";

/// The index, and what it is to hold.
#[derive(Debug, Default)]
pub(crate) struct Searched {
    /// Where it is; none when none is to be compared.
    pub(crate) place: Option<IndexPlace>,
    /// The collections whose items it is to hold; those of all when there are none.
    pub(crate) collections: BTreeSet<String>,
    /// The queue of its loader.
    pub(crate) queue: Option<String>,
}

impl Searched {
    /// Reads it. The connection string may hold a password, so the reader of variables, which repeats what it does not
    /// understand, does not see it.
    pub(crate) fn read(environment: &Environment, reader: &mut Reader<'_>) -> Result<Self, ConfigurationError> {
        let text = |value: &str| Ok::<_, &str>(value.to_owned());
        let secret = reader.optional(DATABASE_SECRET, "the ARN of a secret", text);
        let endpoint = reader.optional(OPENSEARCH, "https://HOST or https://HOST:PORT", text);
        let user_secret = reader.optional(OPENSEARCH_SECRET, "the ARN of a secret", text);
        let user = reader.optional(OPENSEARCH_ACCESS, "role, secret or open", |value| match (value, &user_secret) {
            ("role", None) => Ok(IndexUser::Own),
            ("open", None) => Ok(IndexUser::Nobody),
            ("secret", Some(secret)) => Ok(IndexUser::Secret(secret.clone())),
            ("secret", None) => Err(format!("{OPENSEARCH_SECRET} is missing")),
            ("role" | "open", Some(_)) => Err(format!("{OPENSEARCH_SECRET} is there, too")),
            _ => Err("it is none of them".to_owned()),
        });
        let items = reader.optional("LAZYCAT_INDEX_ITEMS_PREFIX", "what the aliases of items begin with", text);
        let collections = reader.optional("LAZYCAT_INDEX_COLLECTIONS", "ids with commas between them", |value| {
            Ok::<_, &str>(value.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect())
        });
        let queue = reader.optional("LAZYCAT_INDEX_QUEUE_URL", "the address of a queue", text);
        let database = environment.get(DATABASE).filter(|text| !text.is_empty());
        let fault = |fault: String| Err(ConfigurationError(vec![fault]));
        let place = match (database.is_some() || secret.is_some(), endpoint) {
            (false, None) => None,
            (true, Some(_)) => {
                return fault(format!(
                    "{OPENSEARCH} and {DATABASE} or {DATABASE_SECRET} are there, expected one index"
                ));
            }
            (true, None) => match database.unwrap_or_default().parse::<Target>() {
                Ok(database) => Some(IndexPlace::Pgstac { database: Box::new(database), secret }),
                Err(error) => return fault(format!("{DATABASE} is no connection string of libpq: {error}")),
            },
            (false, Some(endpoint)) => {
                let user = user.unwrap_or(match user_secret {
                    Some(secret) => IndexUser::Secret(secret),
                    None => IndexUser::Own,
                });
                Some(IndexPlace::OpenSearch { endpoint, user, items })
            }
        };
        Ok(Self { place, collections: collections.unwrap_or_default(), queue })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Searched, ConfigurationError> {
        let environment = Environment::of(variables.iter().copied());
        let mut reader = environment.reader();
        let searched = Searched::read(&environment, &mut reader)?;
        reader.finish(searched)
    }

    #[test]
    fn without_a_word_of_it_no_index_is_audited() {
        assert!(read(&[]).unwrap().place.is_none());
        // As a template sets what a parameter leaves out.
        assert!(read(&[(DATABASE, ""), (DATABASE_SECRET, ""), (OPENSEARCH, "")]).unwrap().place.is_none());
    }

    #[test]
    fn an_index_is_a_database_or_an_engine() {
        let searched = read(&[
            (DATABASE_SECRET, "arn:secret"),
            ("LAZYCAT_INDEX_COLLECTIONS", "CBERS4-MUX, CBERS4-AWFI"),
            ("LAZYCAT_INDEX_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/1/q"),
        ])
        .unwrap();
        assert!(matches!(searched.place, Some(IndexPlace::Pgstac { secret: Some(_), .. })));
        assert_eq!(searched.collections.len(), 2);
        assert!(searched.queue.is_some());
        let user = |variables: &[(&str, &str)]| {
            let all: Vec<_> = [(OPENSEARCH, "https://x")].iter().chain(variables).copied().collect();
            match read(&all).unwrap().place {
                Some(IndexPlace::OpenSearch { user, .. }) => Some(user),
                _ => None,
            }
        };
        assert_eq!(user(&[]), Some(IndexUser::Own));
        assert_eq!(user(&[(OPENSEARCH_ACCESS, "open")]), Some(IndexUser::Nobody));
        assert_eq!(user(&[(OPENSEARCH_SECRET, "s")]), Some(IndexUser::Secret("s".to_owned())));
    }

    #[test]
    fn what_contradicts_itself_is_told_without_a_password() {
        for (variables, says) in [
            (&[(DATABASE, "host=a"), (OPENSEARCH, "https://x")][..], "expected one index"),
            (&[(DATABASE, "host=a password='hush")], "no connection string"),
            (&[(OPENSEARCH, "https://x"), (OPENSEARCH_ACCESS, "secret")], OPENSEARCH_SECRET),
        ] {
            let error = read(variables).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hush"), "{error}");
        }
    }
}
