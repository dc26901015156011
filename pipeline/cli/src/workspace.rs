//! A workspace opened for one command: settings, stores, catalogue, ledger, landing, and the installation's lock.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use chrono::Datelike;
use marsad_aggregate::Limits;
use marsad_catalog::{Catalog, Fault};
use marsad_landing::keys::Keys;
use marsad_landing::{BatchSummary, Landing, Options, Snapshot};
use marsad_ledger::proposal::SeriesStep;
use marsad_ledger::sign::{KeyError, SigningKey};
use marsad_ledger::{Ledger, Recovered, RunOf, Stage, State};
use marsad_log::Store;
use marsad_terms::{BatchId, Explanation, Language, Month, clock};
use zeroize::Zeroizing;

use crate::report::{Failure, note};
use crate::settings::{self, EngineSettings, Settings, StoreSetting};

/// One workspace.
pub(crate) struct Workspace {
    /// Its folder.
    pub dir: PathBuf,
    /// `marsad.toml`
    pub settings: Settings,
}

impl Workspace {
    /// Finds and reads it.
    ///
    /// # Errors
    /// No workspace, or a fault in marsad.toml.
    pub(crate) fn open(given: Option<&Path>) -> Result<Self, Failure> {
        let dir = settings::find(given)?;
        let settings = settings::read(&dir)?;
        Ok(Self { dir, settings })
    }

    /// The languages of `[workspace] languages` that Marsad writes, in the order of publication; all where it names none.
    pub(crate) fn languages(&self) -> Vec<Language> {
        let named = |language: &Language| self.settings.workspace.languages.contains(&language.to_string());
        let chosen: Vec<Language> = Language::ALL.into_iter().filter(named).collect();
        if chosen.is_empty() { Language::ALL.to_vec() } else { chosen }
    }

    /// Definitions, all checked.
    ///
    /// # Errors
    /// All faults of all files.
    pub(crate) fn catalog(&self) -> Result<Catalog, Failure> {
        Catalog::load(&self.dir).map_err(|faults| Failure::all(&faults))
    }

    /// Definitions but statistics and releases, all checked: what rows are kept, corrected and erased by.
    ///
    /// # Errors
    /// All faults of `schemas/` and `purposes.toml`.
    pub(crate) fn catalog_without_queries(&self) -> Result<Catalog, Failure> {
        Catalog::without_queries(&self.dir).map_err(|faults| Failure::all(&faults))
    }

    /// The definitions that a release is made by, checked; the others' faults are told and hinder nothing.
    ///
    /// # Errors
    /// All faults of that release, its statistics, `schemas/` and `purposes.toml`.
    pub(crate) fn catalog_for(&self, release: &str) -> Result<Catalog, Failure> {
        let (catalog, others) =
            Catalog::for_release(&self.dir, release).map_err(|faults| Failure::all(&faults))?;
        let files: BTreeSet<&str> = others.iter().map(|fault| fault.file.as_str()).collect();
        if !files.is_empty() {
            let files: Vec<&str> = files.into_iter().collect();
            note(&format!(
                "faults in {}: not needed for {release}; `marsad query list` tells them",
                files.join(", ")
            ));
        }
        Ok(catalog)
    }

    /// The definitions that an extract is landed by, checked, and the faults of those that it has no need of.
    ///
    /// # Errors
    /// All faults of that mapping, its record type and the code lists of that.
    pub(crate) fn schemas(&self, mapping: &str) -> Result<(Catalog, Vec<Fault>), Failure> {
        Catalog::for_mapping(&self.dir, mapping).map_err(|faults| Failure::all(&faults))
    }

    /// The secret keys.
    ///
    /// # Errors
    /// Missing, readable by others, equal.
    pub(crate) fn keys(&self) -> Result<Keys, Failure> {
        Ok(Keys::load(&self.dir.join("keys"))?)
    }

    /// The landing.
    ///
    /// # Errors
    /// Stores that cannot be opened, keys that are missing.
    pub(crate) fn landing(&self) -> Result<Landing, Failure> {
        let options = Options {
            bucket_bits: self.settings.landing.bucket_bits,
            custodian: self.settings.workspace.custodian.clone(),
            programme_start: self.settings.workspace.programme_start.0,
        };
        let landing = self.store(self.settings.stores.landing.as_ref(), "landing")?;
        let restricted = self.store(self.settings.stores.restricted.as_ref(), "restricted")?;
        Ok(Landing::open(landing, restricted, self.keys()?, options))
    }

    /// The landing, that tells how many records land late: by the policy in force, or its draft where none is. It tells
    /// nothing where the ledger cannot be read, which hinders no landing.
    ///
    /// # Errors
    /// As [`Workspace::landing`].
    pub(crate) async fn landing_telling_late(&self) -> Result<Landing, Failure> {
        Ok(self.landing()?.telling_late(self.first_open().await))
    }

    /// The first month of the first quarter that has not closed, counted from the programme's start.
    async fn first_open(&self) -> Option<Month> {
        let state = self.ledger().ok()?.state().await.ok()?;
        let draft = self.settings.policy.as_ref();
        let months = match state.policy() {
            Some(policy) => policy.period_closes_after_months?,
            None => draft?.period_closes_after_months?,
        };
        let (start, today) = (self.settings.workspace.programme_start.0, clock::today().to_string());
        let start = Month { year: start.year().try_into().ok()?, month: start.month().try_into().ok()? };
        let mut quarter = start.quarter();
        while quarter.last_open_day(months) < today {
            quarter = quarter.next();
        }
        Some(quarter.months().0)
    }

    /// What the engine may take.
    pub(crate) fn limits(&self) -> Limits {
        let EngineSettings { memory_mib, spill } = &self.settings.engine;
        let limits = Limits::default();
        Limits {
            memory: memory_mib.map_or(limits.memory, |mib| mib.get() as usize * (1 << 20)),
            spill: spill.as_ref().map_or(limits.spill, |folder| self.dir.join(folder)),
        }
    }

    /// The ledger.
    ///
    /// # Errors
    /// A store that cannot be opened.
    pub(crate) fn ledger(&self) -> Result<Ledger, Failure> {
        let store = self.store(self.settings.stores.ledger.as_ref(), "ledger")?;
        Ok(Ledger::open(store, &self.dir.join("state")))
    }

    /// Published bundles.
    ///
    /// # Errors
    /// A store that cannot be opened.
    pub(crate) fn releases(&self) -> Result<Store, Failure> {
        self.store(self.settings.stores.releases.as_ref(), "releases")
    }

    /// The stores of landed records, opened without their keys: for the custody logs alone.
    ///
    /// # Errors
    /// A store that cannot be opened.
    pub(crate) fn custody_stores(&self) -> Result<[Store; 2], Failure> {
        let stores = &self.settings.stores;
        let landing = self.store(stores.landing.as_ref(), "landing")?;
        Ok([landing, self.store(stores.restricted.as_ref(), "restricted")?])
    }

    /// All four stores.
    ///
    /// # Errors
    /// A store that cannot be opened.
    pub(crate) fn stores(&self) -> Result<Vec<Store>, Failure> {
        let ledger = self.store(self.settings.stores.ledger.as_ref(), "ledger")?;
        Ok(self.custody_stores()?.into_iter().chain([ledger, self.releases()?]).collect())
    }

    fn store(&self, configured: Option<&StoreSetting>, default: &str) -> Result<Store, Failure> {
        match configured {
            None => Ok(Store::open(default, &self.dir)?),
            Some(setting) => Ok(Store::open_with(setting.url(), &self.dir, &setting.access(&self.dir)?)?),
        }
    }

    /// The author's key: a flag, or `[signing] author`.
    ///
    /// # Errors
    /// No key named, or one that cannot be used.
    pub(crate) fn author(&self, flag: Option<&Path>) -> Result<SigningKey, Failure> {
        self.signing(flag, self.settings.signing.author.as_deref(), "author")
    }

    /// The publisher's key: a flag, or `[signing] publisher`.
    ///
    /// # Errors
    /// No key named, or one that cannot be used.
    pub(crate) fn publisher(&self, flag: Option<&Path>) -> Result<SigningKey, Failure> {
        self.signing(flag, self.settings.signing.publisher.as_deref(), "publisher")
    }

    fn signing(
        &self,
        flag: Option<&Path>,
        setting: Option<&Path>,
        role: &str,
    ) -> Result<SigningKey, Failure> {
        let path = match (flag, setting) {
            (Some(path), _) => path.to_path_buf(),
            (None, Some(path)) => self.dir.join(path),
            (None, None) => {
                return Err(Failure::new(Explanation::new(
                    "W04",
                    "no signing key is named",
                    "what is decided is signed by a person's SSH key",
                    format!(
                        "give --key FILE, or write {role} = \"keys/NAME\" under [signing] in marsad.toml"
                    ),
                )));
            }
        };
        open_key(&path)
    }

    /// Takes the installation's lock; it is free again when the returned file is dropped.
    ///
    /// # Errors
    /// Another command holds it.
    pub(crate) fn lock(&self) -> Result<File, Failure> {
        let state = self.dir.join("state");
        let path = state.join("lock");
        std::fs::create_dir_all(&state).map_err(|error| Failure::file(&state, "be made", &error))?;
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|error| Failure::file(&path, "be opened", &error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::Error(error)) => Err(Failure::file(&path, "be locked", &error)),
            Err(TryLockError::WouldBlock) => Err(Failure::new(Explanation::new(
                "W05",
                "another command is working on this ledger",
                "two runs at once could pay twice for one figure",
                "wait for it, then try again",
            ))),
        }
    }
}

/// What an act on landed files holds on to while it works: no release of this installation starts meanwhile.
#[must_use]
pub(crate) struct AtRest(#[expect(dead_code, reason = "held, not read")] File);

impl Workspace {
    /// Makes sure that no release runs, here or elsewhere: it would find the files gone that it reads, and what it reserved
    /// stays charged. A run of this installation that was cut off is ended first. Nor may the act sweep away what an entry
    /// names that is lost.
    ///
    /// # Errors
    /// A release that runs; a ledger that cannot be read; a custody log that was cut back.
    pub(crate) async fn at_rest(&self) -> Result<AtRest, Failure> {
        let (at_rest, state) = self.resting().await?;
        self.keeps_what_was_read(&self.landing()?, &state).await?;
        Ok(at_rest)
    }

    /// The same without a look at the custody log, which nobody can read while a rotation of keys is half done.
    ///
    /// # Errors
    /// A release that runs; a ledger that cannot be read.
    pub(crate) async fn idle(&self) -> Result<AtRest, Failure> {
        Ok(self.resting().await?.0)
    }

    async fn resting(&self) -> Result<(AtRest, State), Failure> {
        let lock = self.lock()?;
        let ledger = self.ledger()?;
        self.recover(&ledger).await?;
        let state = ledger.state().await?;
        let running = state.running();
        if running.is_empty() {
            return Ok((AtRest(lock), state));
        }
        Err(Failure::new(Explanation::new(
            "W40",
            format!("another installation runs a release: {} is reserved", running.join(", ")),
            "it reads landed files; if they went now its run would be forfeited, and what it costs stays charged",
            "wait until it has ended; if its machine died, `marsad release recover` ends it",
        )))
    }

    /// Refuses to sweep files that no entry names where the custody log was cut back: an entry that is lost may name them.
    ///
    /// # Errors
    /// A custody log that is older than what the last run read; stores that cannot be read.
    pub(crate) async fn keeps_what_was_read(&self, landing: &Landing, state: &State) -> Result<(), Failure> {
        match state.last_read() {
            Some(read) if landing.has_nameless().await? => {
                Ok(landing.snapshot().await?.must_extend(landing.keys(), read)?)
            }
            _ => Ok(()),
        }
    }

    /// Ends the runs of this installation that were cut off, and says so: what they cost stays charged. The caller holds the lock.
    ///
    /// # Errors
    /// A ledger that cannot be read or written.
    pub(crate) async fn recover(&self, ledger: &Ledger) -> Result<(), Failure> {
        let ended = ledger.recover().await?;
        if !ended.is_empty() {
            let state = ledger.state().await?;
            for run in &ended {
                note(&became(run, &state));
            }
        }
        Ok(())
    }

    /// The landed batch that an id, or enough of its first digits, names.
    ///
    /// # Errors
    /// None, or several.
    pub(crate) fn batch(snapshot: &Snapshot, text: &str) -> Result<BatchId, Failure> {
        let is_it = |batch: &&BatchSummary| text.len() >= 4 && batch.batch.to_string().starts_with(text);
        let found: Vec<&BatchSummary> = snapshot.batches().iter().filter(is_it).collect();
        match found.as_slice() {
            [one] => Ok(one.batch.clone()),
            _ => Err(Failure::new(Explanation::new(
                "W14",
                format!("{} batches begin with `{text}`", found.len()),
                "a batch is named by its id, or by enough of its first digits, at least four",
                "see `marsad batch list`",
            ))),
        }
    }
}

/// What became of a run that was cut off, in words.
pub(crate) fn became(ended: &Recovered, state: &State) -> String {
    let what = match &ended.of {
        RunOf::Request { release, .. } => format!("release {release}"),
        RunOf::Step(SeriesStep { series, step, .. }) => {
            let statistic = state.series(series).map(|open| open.shape.statistic().id.to_string());
            format!("step {step} of the series {}", statistic.unwrap_or_default())
        }
    };
    match ended.state {
        Stage::Released => format!("the run of {what} was cut off; its result is whole and is released now"),
        _ => format!(
            "the run of {what} was cut off; it is forfeited: what it cost stays charged, and it is never drawn again"
        ),
    }
}

/// Opens a signing key; on a terminal, asks for the passphrase of an encrypted one.
///
/// # Errors
/// A key that cannot be used.
pub(crate) fn open_key(path: &Path) -> Result<SigningKey, Failure> {
    let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    match SigningKey::open(path) {
        Err(KeyError::Encrypted { .. }) if asks => {
            let terminal = console::Term::stderr();
            let read = terminal
                .write_str(&format!("passphrase of {}: ", path.display()))
                .and_then(|()| terminal.read_secure_line());
            let passphrase =
                Zeroizing::new(read.map_err(|error| Failure::file(path, "be unlocked", &error))?);
            Ok(SigningKey::open_with(path, Some(&passphrase))?)
        }
        opened => Ok(opened?),
    }
}
