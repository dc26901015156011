//! A bucket of a cloud, or of what speaks its protocol: address, access, and what its refusals mean.
//!
//! Deliberately reads neither files nor the environment: whoever opens a store says with what.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use crate::cloud::{CLOUDS, Cloud, Settings};
use crate::{Error, Result};

/// How long a call is tried again before it fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// What opens buckets: accounts, keys, endpoints, by the names of each cloud's variables in small letters. A bucket is told
/// the settings of its own cloud alone.
#[derive(Clone, Default)]
pub struct Access {
    settings: Vec<(String, String)>,
}

/// The values are secrets.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.settings.iter().map(|(name, _)| name)).finish()
    }
}

impl Access {
    /// The settings that are known by their names, such as `aws_access_key_id`; the others are given back.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> (Self, Vec<String>) {
        let (mut access, mut unknown) = (Self::default(), Vec::new());
        for (name, value) in pairs {
            let small = name.to_ascii_lowercase();
            match (Cloud::of_setting(&small).canonical)(&small) {
                Some(_) => access.settings.push((small, value)),
                None => unknown.push(name),
            }
        }
        (access, unknown)
    }

    /// The settings among a process's variables: `AWS_…`, `GOOGLE_…`, `AZURE_…`. Other programs have variables of these
    /// prefixes too; they are passed over.
    pub fn among(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours =
            |name: &str| CLOUDS.iter().any(|cloud| name.to_ascii_lowercase().starts_with(cloud.prefix));
        Self::new(variables.into_iter().filter(|(name, _)| ours(name))).0
    }

    fn settings_of(&self, cloud: &Cloud) -> Vec<(&str, &str)> {
        let of = |name: &str| Cloud::of_setting(name).scheme == cloud.scheme;
        self.settings.iter().filter(|(name, _)| of(name)).map(|(name, value)| (&**name, &**value)).collect()
    }
}

/// What a setting says; the last one counts, and a switch that is off says nothing.
fn said<'a>(cloud: &Cloud, settings: &Settings<'a>, name: &str) -> Option<&'a str> {
    let named = |told: &str| (cloud.canonical)(told).as_deref() == Some(name);
    let (_, value) = settings.iter().rev().find(|(told, _)| named(told))?;
    (!["", "0", "false", "off", "no", "n"].contains(&value.to_ascii_lowercase().as_str())).then_some(*value)
}

/// An endpoint without TLS that was not allowed.
fn clear_text<'a>(cloud: &Cloud, settings: &Settings<'a>) -> Option<&'a str> {
    let mut endpoints = cloud.endpoints.iter().filter_map(|name| said(cloud, settings, name));
    let allowed = said(cloud, settings, "allow_http").is_some();
    endpoints.find(|endpoint| !allowed && endpoint.to_ascii_lowercase().starts_with("http://"))
}

/// Opens `SCHEME://bucket/prefix`. Nothing is asked of it yet.
pub(crate) fn open(cloud: &Cloud, url: &Url, access: &Access) -> Result<Arc<dyn ObjectStore>> {
    let address = || url.as_str().to_owned();
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    let more = url.query().is_some() || url.fragment().is_some();
    if url.host_str().is_none_or(str::is_empty) || !plain || more {
        return Err(Error::BadAddress { url: without_password(url) });
    }
    let prefix = ObjectPath::from_url_path(url.path()).map_err(|_| Error::BadAddress { url: address() })?;
    let settings = access.settings_of(cloud);
    let all = |names: &&[&str]| names.iter().all(|name| said(cloud, &settings, name).is_some());
    if !cloud.identities.iter().any(all) {
        return Err(Error::NoCredentials { url: address() });
    }
    if let Some(endpoint) = clear_text(cloud, &settings) {
        return Err(Error::ClearText { url: address(), endpoint: endpoint.to_owned() });
    }
    let retry = RetryConfig { retry_timeout: PATIENCE, ..RetryConfig::default() };
    let bucket = (cloud.client)(url.as_str(), &settings, retry)
        .map_err(|source| Error::Access { url: address(), source: Box::new(source) })?;
    Ok(if prefix.as_ref().is_empty() { bucket } else { Arc::new(PrefixStore::new(bucket, prefix)) })
}

/// The address, for messages.
fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    url.set_password(None).ok();
    url.into()
}

/// What a failing store means, where more is known than that it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It knows the caller and refuses, or does not know the caller.
    Refused,
    /// There is no such bucket, or no more.
    NoBucket,
    /// Anything else.
    Failed,
}

/// Tells refusals from failures. Listings, and deletions of many, tell both in words alone.
pub(crate) fn meaning(error: &object_store::Error) -> Meaning {
    let told = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| told.contains(word));
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            Meaning::Refused
        }
        _ if says(&["NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"]) => Meaning::NoBucket,
        _ if says(&["403 Forbidden", "401 Unauthorized", "(code: 403)"]) => Meaning::Refused,
        _ => Meaning::Failed,
    }
}

/// The short code that a store answers with, such as `SignatureDoesNotMatch`.
pub(crate) fn code(error: &object_store::Error) -> Option<String> {
    let told = error.to_string();
    let (_, rest) = told.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code.to_owned())
}

/// What the client said, with addresses up to their `?`: a shared access signature stands after it.
pub(crate) fn told(error: &object_store::Error) -> String {
    let told = error.to_string();
    let up_to_query = |word: &str| match word.split_once('?') {
        Some((address, _)) if address.contains("://") => format!("{address}?…"),
        _ => word.to_owned(),
    };
    told.split(' ').map(up_to_query).collect::<Vec<_>>().join(" ")
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
        open(Cloud::of(url).unwrap(), &Url::parse(url).unwrap(), &access(pairs))
    }

    const AMAZON: [(&str, &str); 2] =
        [("AWS_ACCESS_KEY_ID", "AK"), ("aws_secret_access_key", "hidden-value")];
    const MICROSOFT: [(&str, &str); 2] =
        [("azure_storage_account_name", "programme"), ("AZURE_STORAGE_ACCOUNT_KEY", "aGlkZGVuLXZhbHVl")];
    /// Opened without any key of Google's: only the path to one is judged here.
    const GOOGLE: [(&str, &str); 1] = [("google_service_account", "/nowhere/key.json")];

    #[test]
    fn secrets_are_not_printed() {
        let printed = format!("{:?}", access(&AMAZON));
        assert!(printed.contains("secret_access_key") && !printed.contains("hidden"), "{printed}");
    }

    #[test]
    fn names_that_nobody_knows_are_given_back() {
        for name in ["aws_acess_key", "azure_storage_use_emulator", "google_key"] {
            assert_eq!(Access::new([(name.to_owned(), String::new())]).1, [name]);
        }
    }

    #[test]
    fn of_a_process_only_the_variables_of_clouds_are_taken() {
        let variables = ["ENDPOINT", "AWS_REGION", "AWS_PAGER", "AZURE_CONFIG_DIR", "GOOGLE_BUCKET"];
        let access = Access::among(variables.map(|name| (name.to_owned(), String::new())));
        assert_eq!(format!("{access:?}"), "{\"aws_region\", \"google_bucket\"}");
    }

    #[test]
    fn an_address_opens_with_credentials_of_its_cloud_only() {
        assert!(opened("s3://bucket/a/b", &AMAZON[..]).is_ok());
        assert!(opened("az://bucket/a/b", &MICROSOFT[..]).is_ok());
        for (url, others) in [
            ("s3://b", &MICROSOFT[..]),
            ("gs://b", &AMAZON[..]),
            ("az://b", &AMAZON[..]),
            ("az://b", &GOOGLE[..]),
        ] {
            assert!(matches!(opened(url, &[]), Err(Error::NoCredentials { .. })), "{url}");
            assert!(matches!(opened(url, others), Err(Error::NoCredentials { .. })), "{url}");
        }
        for url in
            ["s3:///a", "s3://bucket/a?x=1", "az://bucket#a", "az://bucket@account/a", "gs://bucket:1/a"]
        {
            let told = opened(url, &[&AMAZON[..], &MICROSOFT[..], &GOOGLE].concat()).err();
            assert!(matches!(told, Some(Error::BadAddress { .. })), "{url}: {told:?}");
        }
    }

    #[test]
    fn half_an_identity_and_a_switch_that_is_off_name_nobody() {
        let account = ("azure_storage_account_name", "programme");
        let client = [("azure_client_id", "c"), ("azure_client_secret", "hidden-value")];
        let nobody =
            |pairs: &[(&str, &str)]| matches!(opened("az://bucket", pairs), Err(Error::NoCredentials { .. }));
        assert!(nobody(&[account, client[0], client[1]]));
        assert!(!nobody(&[account, client[0], client[1], ("azure_tenant_id", "t")]));
        assert!(nobody(&[account, ("azure_use_azure_cli", "false")]));
        assert!(nobody(&[account, ("azure_storage_account_key", "")]));
    }

    #[test]
    fn what_cannot_be_used_is_told_without_its_values() {
        for (url, pairs) in [("az://bucket", &MICROSOFT[1..]), ("gs://bucket", &GOOGLE[..])] {
            let told = opened(url, pairs).err();
            assert!(matches!(told, Some(Error::Access { .. })), "{told:?}");
            assert!(!format!("{told:?}").contains(MICROSOFT[1].1), "{told:?}");
        }
        let told = opened("s3://key:hidden-value@bucket", &AMAZON[..]).unwrap_err().to_string();
        assert!(told.contains("key@bucket") && !told.contains("hidden"), "{told}");
    }

    #[test]
    fn clear_text_wants_to_be_allowed() {
        let clouds = [
            ("s3://bucket", &AMAZON[..], "aws_endpoint", "aws_allow_http"),
            ("az://bucket", &MICROSOFT[..], "azure_endpoint", "azure_allow_http"),
            ("gs://bucket", &GOOGLE[..], "google_base_url", "google_allow_http"),
        ];
        for (url, keys, endpoint, allow) in clouds {
            let endpoint = (endpoint, "http://127.0.0.1:9");
            let refused = |more: &[(&str, &str)]| {
                matches!(opened(url, &[keys, more].concat()), Err(Error::ClearText { .. }))
            };
            assert!(refused(&[endpoint]) && refused(&[endpoint, (allow, "false")]), "{url}");
            assert!(!refused(&[endpoint, (allow, "true")]), "{url}");
        }
    }

    #[test]
    fn a_signature_in_an_address_is_not_repeated() {
        let source = "Error performing POST https://a/b?comp=batch&sig=hidden in 3ms - what?".into();
        let told = told(&object_store::Error::Generic { store: "s", source });
        assert!(told.contains("https://a/b?… in 3ms - what?") && !told.contains("hidden"), "{told}");
    }
}
