//! A bucket of S3, or of what speaks its protocol: address, access, and what its refusals mean.
//!
//! Deliberately reads neither files nor the environment: whoever opens a store says with what.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};
use url::Url;

use crate::{Error, Result};

/// How long a call is tried again before it fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// What opens a bucket: keys, region, endpoint, by the names of the AWS variables in small letters.
#[derive(Clone, Default)]
pub struct Access {
    settings: Vec<(AmazonS3ConfigKey, String)>,
}

/// The values are secrets.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.settings.iter().map(|(key, _)| key)).finish()
    }
}

impl Access {
    /// The settings that are known by their names, such as `aws_access_key_id`; the others are given back.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> (Self, Vec<String>) {
        let (mut access, mut unknown) = (Self::default(), Vec::new());
        for (name, value) in pairs {
            match name.to_ascii_lowercase().parse() {
                Ok(key) => access.settings.push((key, value)),
                Err(_) => unknown.push(name),
            }
        }
        (access, unknown)
    }

    /// Whether anything tells who asks. Without it the client would look for a machine of Amazon's around it.
    fn names_somebody(&self) -> bool {
        use AmazonS3ConfigKey as Key;
        let names = |key: &Key| {
            matches!(
                key,
                Key::AccessKeyId
                    | Key::WebIdentityTokenFile
                    | Key::ContainerCredentialsRelativeUri
                    | Key::ContainerCredentialsFullUri
                    | Key::MetadataEndpoint
                    | Key::SkipSignature
            )
        };
        self.settings.iter().any(|(key, _)| names(key))
    }

    /// An endpoint without TLS that was not allowed.
    fn clear_text(&self) -> Option<&str> {
        let endpoint = self.settings.iter().rev().find_map(|(key, value)| {
            matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint)
                .then_some(value.as_str())
        });
        let allowed = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);
        let allowed = self.settings.iter().any(|(key, value)| *key == allowed && value == "true");
        endpoint.filter(|endpoint| endpoint.starts_with("http://") && !allowed)
    }
}

/// Opens `s3://bucket/prefix`. Nothing is asked of it yet.
pub(crate) fn open(url: &Url, access: &Access) -> Result<Arc<dyn ObjectStore>> {
    let address = || url.as_str().to_owned();
    if url.host_str().is_none_or(str::is_empty) || url.query().is_some() || url.fragment().is_some() {
        return Err(Error::BadAddress { url: address() });
    }
    if !access.names_somebody() {
        return Err(Error::NoCredentials { url: address() });
    }
    if let Some(endpoint) = access.clear_text() {
        return Err(Error::ClearText { url: address(), endpoint: endpoint.to_owned() });
    }
    let retry = RetryConfig { retry_timeout: PATIENCE, ..RetryConfig::default() };
    let builder = AmazonS3Builder::new().with_url(url.as_str()).with_retry(retry);
    let builder =
        access.settings.iter().fold(builder, |builder, (key, value)| builder.with_config(*key, value));
    let bucket =
        builder.build().map_err(|source| Error::Access { url: address(), source: Box::new(source) })?;
    let prefix = ObjectPath::from_url_path(url.path()).map_err(|_| Error::BadAddress { url: address() })?;
    Ok(if prefix.as_ref().is_empty() { Arc::new(bucket) } else { Arc::new(PrefixStore::new(bucket, prefix)) })
}

/// What a failing store means, where more is known than that it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It knows the caller and refuses, or does not know the caller.
    Refused,
    /// There is no such bucket.
    NoBucket,
    /// Anything else.
    Failed,
}

/// Tells refusals from failures.
pub(crate) fn meaning(error: &object_store::Error) -> Meaning {
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            Meaning::Refused
        }
        // A listing tells both in words alone.
        error if error.to_string().contains("NoSuchBucket") => Meaning::NoBucket,
        error if ["403 Forbidden", "401 Unauthorized"].iter().any(|s| error.to_string().contains(s)) => {
            Meaning::Refused
        }
        _ => Meaning::Failed,
    }
}

/// The short code that S3 answers with, such as `SignatureDoesNotMatch`.
pub(crate) fn code(error: &object_store::Error) -> Option<String> {
    let told = error.to_string();
    let (_, rest) = told.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(pairs: &[(&str, &str)]) -> Access {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let (access, unknown) = Access::new(pairs);
        assert!(unknown.is_empty(), "{unknown:?}");
        access
    }

    fn opened(url: &str, pairs: &[(&str, &str)]) -> Result<Arc<dyn ObjectStore>> {
        open(&Url::parse(url).unwrap(), &access(pairs))
    }

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AK"), ("aws_secret_access_key", "hidden-value")];

    #[test]
    fn secrets_are_not_printed() {
        let printed = format!("{:?}", access(&KEYS));
        assert!(printed.contains("SecretAccessKey") && !printed.contains("hidden"), "{printed}");
    }

    #[test]
    fn names_that_nobody_knows_are_given_back() {
        let (_, unknown) = Access::new([("aws_acess_key".to_owned(), String::new())]);
        assert_eq!(unknown, ["aws_acess_key"]);
    }

    #[test]
    fn an_address_opens_with_credentials_only() {
        assert!(opened("s3://bucket/a/b", &KEYS).is_ok());
        assert!(matches!(opened("s3://bucket", &[]), Err(Error::NoCredentials { .. })));
        assert!(matches!(opened("s3:///a", &KEYS), Err(Error::BadAddress { .. })));
        assert!(matches!(opened("s3://bucket/a?x=1", &KEYS), Err(Error::BadAddress { .. })));
    }

    #[test]
    fn clear_text_wants_to_be_allowed() {
        let endpoint = ("aws_endpoint", "http://127.0.0.1:9");
        let with = |more: &[(&str, &str)]| opened("s3://bucket", &[&KEYS, more].concat());
        assert!(matches!(with(&[endpoint]), Err(Error::ClearText { .. })));
        assert!(with(&[endpoint, ("aws_allow_http", "true")]).is_ok());
    }
}
