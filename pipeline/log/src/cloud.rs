//! The clouds whose buckets can be stores: by which settings each opens, and the client that speaks its protocol.
//! Deliberately without any judgement of what was set: `remote` has it, once for all.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ObjectStore, RetryConfig};

/// The names and values that a client is told, in order.
pub(crate) type Settings<'a> = [(&'a str, &'a str)];

type Built = object_store::Result<Arc<dyn ObjectStore>>;

/// One cloud. Settings have the names of its variables in small letters.
pub(crate) struct Cloud {
    /// `s3` of `s3://BUCKET/PREFIX`.
    pub scheme: &'static str,
    /// How the names of its settings begin.
    pub prefix: &'static str,
    /// The settings that name another address than the cloud's own.
    pub endpoints: &'static [&'static str],
    /// What names who asks: each line is enough. Without any, the client would ask the machine around it.
    pub identities: &'static [&'static [&'static str]],
    /// How somebody is named, for messages.
    pub remedy: &'static str,
    /// The one name of a setting that may have several; nothing where the client does not know it.
    pub canonical: fn(&str) -> Option<String>,
    /// Makes the client of the bucket at an address.
    pub client: fn(&str, &Settings<'_>, RetryConfig) -> Built,
}

/// The builders are alike and share no trait.
macro_rules! client {
    ($builder:ty) => {
        |url, settings, retry| {
            let builder = <$builder>::new().with_url(url).with_retry(retry);
            let told = settings.iter().filter_map(|(name, value)| Some((name.parse().ok()?, *value)));
            Ok(Arc::new(told.fold(builder, |builder, (key, value)| builder.with_config(key, value)).build()?))
        }
    };
}

/// All of them. Amazon stands first: its settings may go without prefix.
pub(crate) static CLOUDS: [Cloud; 3] = [
    Cloud {
        scheme: "s3",
        prefix: "aws_",
        endpoints: &["aws_endpoint", "aws_endpoint_url_s3"],
        identities: &[
            &["aws_access_key_id"],
            &["aws_web_identity_token_file"],
            &["aws_container_credentials_relative_uri"],
            &["aws_container_credentials_full_uri"],
            &["aws_metadata_endpoint"],
            &["aws_skip_signature"],
        ],
        remedy: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for a machine's role set AWS_METADATA_ENDPOINT",
        canonical: |name| Some(name.parse::<AmazonS3ConfigKey>().ok()?.as_ref().to_owned()),
        client: client!(AmazonS3Builder),
    },
    Cloud {
        scheme: "gs",
        prefix: "google_",
        endpoints: &["google_base_url"],
        // No machine's role: the client has no setting that asks for it, and takes whatever it finds on the way there.
        identities: &[
            &["google_service_account"],
            &["google_service_account_key"],
            &["google_application_credentials"],
        ],
        remedy: "set GOOGLE_SERVICE_ACCOUNT to the path of a service account's key file",
        canonical: |name| Some(name.parse::<GoogleConfigKey>().ok()?.as_ref().to_owned()),
        client: client!(GoogleCloudStorageBuilder),
    },
    Cloud {
        scheme: "az",
        prefix: "azure_",
        endpoints: &["azure_storage_endpoint"],
        identities: &[
            &["azure_storage_account_key"],
            &["azure_storage_sas_key"],
            &["azure_storage_token"],
            &["azure_storage_client_id", "azure_storage_tenant_id", "azure_storage_client_secret"],
            &["azure_storage_client_id", "azure_storage_tenant_id", "azure_federated_token_file"],
            &["azure_msi_endpoint"],
            &["azure_use_azure_cli"],
            &["azure_skip_signature"],
        ],
        remedy: "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY; for a machine's role set AZURE_MSI_ENDPOINT",
        // The emulator's switch brings clear text and an address of its own: name it by its endpoint instead.
        canonical: |name| {
            let key =
                name.parse::<AzureConfigKey>().ok().filter(|key| *key != AzureConfigKey::UseEmulator)?;
            Some(key.as_ref().to_owned())
        },
        client: client!(MicrosoftAzureBuilder),
    },
];

impl Cloud {
    /// The cloud of an address, by its scheme.
    pub(crate) fn of(url: &str) -> Option<&'static Self> {
        let (scheme, _) = url.split_once(':')?;
        CLOUDS.iter().find(|cloud| cloud.scheme == scheme)
    }

    /// The cloud that a setting is for, by its name in small letters.
    pub(crate) fn of_setting(name: &str) -> &'static Self {
        CLOUDS.iter().find(|cloud| name.starts_with(cloud.prefix)).unwrap_or(&CLOUDS[0])
    }
}
