//! The register of a first-time series: who entered, at which step, in which cell of each table, written once (algorithms 6).
//!
//! One file holds the entries of the steps that closed together; a custody entry of kind `series_step` names it with its
//! hash, and closes them. Without that entry nobody sees the file, so that a step is closed wholly or not at all, and what
//! is closed is never written again: entries are read from here and never computed from rows a second time.
//! A person who is erased leaves its pseudonym there alone, which counts no more and keeps a new registration from counting
//! again. It deliberately lacks the rows, and any rule about who may enter.

mod entries;
mod file;

use std::collections::HashSet;
use std::ops::RangeInclusive;

use marsad_catalog::RecordType;
use marsad_log::Appended;
use marsad_terms::{Digest, RecordTypeId};

use crate::custody::{Custody, HashedFile, SERIES_STEP, StepsEntry, place_of};
use crate::key_space::KeySpace;
use crate::landing::random_name;
use crate::pseudonym::Rotation;
use crate::vault::Vault;
use crate::{Error, Landing, Result, Snapshot};
use entries::Entries;

pub use entries::{Entry, Register};

/// Where registers stand in the store.
pub(crate) const FOLDER: &str = "_series";

impl Landing {
    /// The register of a series as far as its steps are closed; empty where none is.
    ///
    /// # Errors
    /// `Register` where the record type has no persons, or is not the series' own; `Damaged` where a file is missing, has
    /// other bytes than the log says, or is none of a register; else as [`Landing::snapshot`].
    pub async fn register(&self, record_type: &RecordType, series: Digest) -> Result<Register> {
        let vault = self.vault_of(record_type)?;
        read(vault, &self.custody(vault).await?, record_type, series).await
    }

    /// Closes the next `steps` of a series with those who enter by a snapshot, in any order, and returns the register with
    /// them.
    ///
    /// Where the first of the steps is closed already, or the store has changed since the snapshot, the register as it stands
    /// is returned and nothing is written: whoever was first has decided who entered, and somebody may have been erased or
    /// have other keys. [`Register::closed`] tells whether steps are left, for which entrants are found anew.
    ///
    /// # Errors
    /// `Register` where the steps are not the next ones, where an entry names another step, other tables than the others,
    /// or a person who has entered: then nothing is written. After `Log` the steps are closed wholly or not at all; read
    /// the register again. Else as [`Landing::register`].
    pub async fn close_steps(
        &self,
        record_type: &RecordType,
        series: Digest,
        (steps, entries): (RangeInclusive<u32>, Vec<Entry>),
        by: &Snapshot,
    ) -> Result<Register> {
        let vault = self.vault_of(record_type)?;
        let custody = self.custody(vault).await?;
        let register = read(vault, &custody, record_type, series).await?;
        if register.closed() > *steps.start() || !by.is_of(&custody) {
            return Ok(register);
        }
        let newcomers = Entries::sorted(entries)?;
        let closed = register.clone().with(&steps, &newcomers)?;
        let closing = self.put_steps(vault, (&record_type.id, series), &steps, &newcomers).await?;
        if let Appended::Written(_) = custody.append(SERIES_STEP, &closing, self.keys()).await? {
            return Ok(closed);
        }
        vault.remove(&[closing.path]).await;
        self.register(record_type, series).await
    }

    /// Puts the file of those who enter; without the entry that names it, nobody sees it.
    async fn put_steps(
        &self,
        vault: &Vault,
        (record_type, series): (&RecordTypeId, Digest),
        steps: &RangeInclusive<u32>,
        newcomers: &Entries,
    ) -> Result<StepsEntry> {
        let name = format!("{}-{}-{}", steps.start(), steps.end(), random_name()?);
        let path = format!("{FOLDER}/{}/{name}.parquet", series.hex());
        let sealed = file::encode(newcomers, vault.seal(&path)?)?;
        let file = vault.put(path, newcomers.persons().len() as u64, &sealed).await?;
        Ok(StepsEntry {
            series,
            record_type: record_type.clone(),
            first: *steps.start(),
            last: *steps.end(),
            custodian: self.custodian().to_owned(),
            path: file.path,
            hash: file.hash,
        })
    }

    fn vault_of(&self, record_type: &RecordType) -> Result<&Vault> {
        let fault = |what| Err(Error::Register { what });
        if !record_type.is_personal() {
            return fault("records of organisations have no persons");
        }
        let key_space = KeySpace::of(record_type);
        key_space
            .map_or_else(|_| fault("its record type has no keys"), |own| Ok(self.side(own.is_restricted())))
    }
}

/// What is left of the files of registers without these persons: the path of each that held one, and its rest.
pub(crate) async fn without(
    vault: &Vault,
    custody: &Custody,
    persons: &HashSet<[u8; 16]>,
) -> Result<Vec<(String, HashedFile)>> {
    let mut rests = Vec::new();
    for steps in &custody.steps {
        let Some(rest) = entries_of(vault, steps).await?.without(persons) else { continue };
        rests.push((steps.path.clone(), put_again(vault, steps, &rest).await?));
    }
    Ok(rests)
}

/// What a register holds of one person: its series, and the step and the cells of its entry; none where that was erased.
pub(crate) struct Held<'c> {
    pub(crate) steps: &'c StepsEntry,
    pub(crate) entry: Option<(u32, Vec<u32>)>,
}

/// What the registers of a store hold of these persons.
pub(crate) async fn held<'c>(
    vault: &Vault,
    custody: &'c Custody,
    persons: &HashSet<[u8; 16]>,
) -> Result<Vec<Held<'c>>> {
    let mut held = Vec::new();
    for steps in &custody.steps {
        let entries = entries_of(vault, steps).await?;
        let own = entries.iter().filter(|(person, ..)| persons.contains(*person));
        held.extend(own.map(|(_, step, cells)| Held { steps, entry: Some((step, cells.to_vec())) }));
        let erased = entries.bare().iter().filter(|person| persons.contains(*person));
        held.extend(erased.map(|_| Held { steps, entry: None }));
    }
    Ok(held)
}

/// Puts the file of closed steps anew, its persons under their new keys.
pub(crate) async fn rekeyed(vault: &Vault, steps: &StepsEntry, rotation: &Rotation) -> Result<HashedFile> {
    let entries = entries_of(vault, steps).await?.rekeyed(|person| rotation.person(person))?;
    put_again(vault, steps, &entries).await
}

/// Puts a file in the place of that of closed steps. Its entry deliberately lacks how many persons stand in it.
async fn put_again(vault: &Vault, steps: &StepsEntry, entries: &Entries) -> Result<HashedFile> {
    let path = format!("{}-{}.parquet", place_of(&steps.path), random_name()?);
    let sealed = file::encode(entries, vault.seal(&path)?)?;
    let file = vault.put(path, 0, &sealed).await?;
    Ok(HashedFile { path: file.path, hash: file.hash })
}

async fn entries_of(vault: &Vault, steps: &StepsEntry) -> Result<Entries> {
    let damaged = || Error::Damaged { path: steps.path.clone(), how: "unreadable" };
    let file = vault.open(&steps.path, steps.hash).await?;
    file::decode(file, steps.first..=steps.last).ok_or_else(damaged)
}

async fn read(
    vault: &Vault,
    custody: &Custody,
    record_type: &RecordType,
    series: Digest,
) -> Result<Register> {
    let mut all = Entries::default();
    for steps in custody.steps_of(&series) {
        if steps.record_type != record_type.id {
            return Err(Error::Register { what: "it was begun for another record type" });
        }
        let entries = entries_of(vault, steps).await?;
        all.append(&entries).map_err(|_| Error::Damaged { path: steps.path.clone(), how: "unreadable" })?;
    }
    Register::new(custody.n_closed(&series), all)
}
