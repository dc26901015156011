//! The two stores of landed records and what is done with them: check an extract, land it, look at what is there.
//!
//! `land` reads the file once into pseudonymised parts, judges each against what landed, puts its files, then appends one
//! custody entry: the batch is visible whole or not at all. Who loses the entry's number judges again.

use std::ops::Range;
use std::path::Path;

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt, stream};
use marsad_catalog::Catalog;
use marsad_log::{Appended, Store};
use marsad_terms::{BatchId, Digest, Month, Progress, RecordTypeId, clock};

use crate::act::standing;
use crate::batch::{self, Bucket, Extract, Known};
use crate::crew;
use crate::custody::{BATCH, BatchEntry, Counts, Custody, FileEntry};
use crate::erased::Erased;
use crate::import::content_of;
use crate::judge::{Judged, Tally, judge};
use crate::key_space::all_agree;
use crate::keys::Keys;
use crate::pseudonym::Pseudonymiser;
use crate::read::{Findings, read};
use crate::snapshot::bucket_of;
use crate::validate::{Dates, Plan};
use crate::vault::Vault;
use crate::{ActError, Error, Report, Result, Snapshot};

/// How many files are put at once.
const PUTS: usize = 8;
/// A check without a workspace cuts the records into 2^4 parts.
const PARTS_OF_A_CHECK: u8 = 4;

/// Settings of the landing.
#[derive(Clone, Debug)]
pub struct Options {
    /// Persons are spread over 2^`bucket_bits` files a batch; at most 16.
    pub bucket_bits: u8,
    /// Who lands, for the custody log.
    pub custodian: String,
    /// Events before this day are refused (R04).
    pub programme_start: NaiveDate,
}

/// The landing store and the restricted one, with their keys.
pub struct Landing {
    programme: Vault,
    restricted: Vault,
    keys: Keys,
    options: Options,
    first_open: Option<Month>,
}

impl Landing {
    /// Opens both stores. Nothing is read or written.
    pub fn open(landing: Store, restricted: Store, keys: Keys, options: Options) -> Self {
        let programme = Vault { store: landing, sealer: keys.sealer(false), is_restricted: false };
        let restricted = Vault { store: restricted, sealer: keys.sealer(true), is_restricted: true };
        Self { programme, restricted, keys, options, first_open: None }
    }

    /// The same, that tells how many records land of quarters before this month: they are closed.
    #[must_use]
    pub fn telling_late(self, first_open: Option<Month>) -> Self {
        Self { first_open, ..self }
    }

    /// Lands an extract as its mapping says: all its good records in one batch, the others in the quarantine's report.
    /// `progress` tells bytes: two thirds of each when it is read, the last when it is written.
    ///
    /// # Errors
    /// `Refused` (F01 to F09 but F05, which is a report with `already`), or the world failed: then nothing is visible, but
    /// after `Log` the batch may stand whole; landing the file again tells.
    pub async fn land(
        &self,
        catalog: &Catalog,
        mapping: &str,
        file: &Path,
        progress: Progress<'_>,
    ) -> Result<Report> {
        self.land_in_place(catalog, (mapping, file), None, progress).await
    }

    /// Lands an extract, `(mapping, file)`; a corrected one in the place of a batch: that one's rows and quarantine go, with
    /// withdrawals of consent that came with it.
    ///
    /// # Errors
    /// `Act` where no such batch of the record type stands; else as [`Landing::land`].
    pub async fn land_in_place(
        &self,
        catalog: &Catalog,
        (mapping, file): (&str, &Path),
        corrects: Option<&BatchId>,
        progress: Progress<'_>,
    ) -> Result<Report> {
        let plan = Plan::new(catalog, mapping)?;
        let origin = Origin::of(&plan, file, &self.keys)?;
        let (vault, custody) = self.place_of(&plan).await?;
        if let Some(already) = already(&custody, origin, corrects)? {
            return Ok(already);
        }
        may_correct(&custody, corrects, &plan.record_type.id)?;
        let reading = |done, total| progress(done / 3 * 2, total);
        let findings = read(&plan, file, self.reading(), &reading)?;
        if findings.content != origin.content {
            return Err(Error::Changed { file: file.to_owned() });
        }
        self.commit(vault, custody, (&findings, corrects, progress), origin).await
    }

    /// What [`Landing::land_in_place`] would do, without landing: all refusals of the file at once, then every record's
    /// outcome.
    ///
    /// # Errors
    /// As [`Landing::land_in_place`].
    pub async fn check(
        &self,
        catalog: &Catalog,
        (mapping, file): (&str, &Path),
        corrects: Option<&BatchId>,
        progress: Progress<'_>,
    ) -> Result<Report> {
        let plan = Plan::new(catalog, mapping)?;
        let origin = Origin::of(&plan, file, &self.keys)?;
        let (vault, custody) = self.place_of(&plan).await?;
        may_correct(&custody, corrects, &plan.record_type.id)?;
        let findings = read(&plan, file, Reading { every_refusal: true, ..self.reading() }, progress)?;
        let landed = Landed::of((vault, &custody), &plan.record_type.id, corrects).await?;
        let mut tally = self.tally();
        for wave in findings.waves() {
            for (extract, judged) in findings.judged(wave, &landed).await? {
                tally.add(&extract, &judged);
            }
        }
        let mut report = findings.report(tally);
        report.already = already(&custody, origin, corrects)?.is_some();
        Ok(report)
    }

    /// What has landed in both stores.
    ///
    /// # Errors
    /// `OtherKey`, `Custody`, `Buckets`, or a store failed.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let landing = self.custody(&self.programme).await?;
        let restricted = self.custody(&self.restricted).await?;
        let sides = [(landing, self.programme.clone()), (restricted, self.restricted.clone())];
        Ok(Snapshot::new(self.options.bucket_bits, sides))
    }

    /// The keys, for the run's selection and commitment.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The restricted store, or the other one.
    pub(crate) fn side(&self, is_restricted: bool) -> &Vault {
        if is_restricted { &self.restricted } else { &self.programme }
    }

    pub(crate) fn custodian(&self) -> &str {
        &self.options.custodian
    }

    /// The store that a record type lands in, with its log, once nothing of the type stands elsewhere or landed otherwise.
    async fn place_of(&self, plan: &Plan<'_>) -> Result<(&Vault, Custody)> {
        let [own, other] = [false, true].map(|other| self.side(plan.key_space.is_restricted() != other));
        let custody = self.custody(own).await?;
        all_agree(&custody, own, plan.record_type)?;
        all_agree(&self.custody(other).await?, other, plan.record_type)?;
        Ok((own, custody))
    }

    pub(crate) async fn custody(&self, vault: &Vault) -> Result<Custody> {
        let custody = Custody::read(&vault.store, &self.keys).await?;
        custody.has_bucket_bits(self.options.bucket_bits)?;
        Ok(custody)
    }

    /// Whether a file was missed only because somebody's act took it away since the log was read: then look again.
    pub(crate) async fn has_moved(&self, error: &Error, vault: &Vault, custody: &Custody) -> Result<bool> {
        let sequence = |custody: &Custody| custody.head.as_ref().map(|entry| entry.sequence);
        let misses = matches!(error, Error::Damaged { .. });
        Ok(misses && sequence(&self.custody(vault).await?) != sequence(custody))
    }

    fn tally(&self) -> Tally {
        Tally { first_open: self.first_open.map(Month::first_day), ..Tally::default() }
    }

    fn reading(&self) -> Reading<'_> {
        let Options { bucket_bits, programme_start, .. } = self.options;
        Reading { keys: &self.keys, dates: dates(programme_start), every_refusal: false, bucket_bits }
    }

    /// Judges and appends until nobody else appended in between.
    async fn commit(
        &self,
        vault: &Vault,
        mut custody: Custody,
        (findings, corrects, progress): (&Findings<'_>, Option<&BatchId>, Progress<'_>),
        origin: Origin,
    ) -> Result<Report> {
        let record_type = &findings.parts.plan.record_type.id;
        loop {
            may_correct(&custody, corrects, record_type)?;
            let mut staged = Staged::new(findings)?;
            match self.put((vault, &custody), corrects, &mut staged, progress).await {
                Err(error) if self.has_moved(&error, vault, &custody).await? => {
                    vault.remove(&staged.paths()).await;
                    custody = self.custody(vault).await?;
                    continue;
                }
                // Nobody names what was put: a full disk has the room again.
                Err(error) => {
                    vault.remove(&staged.paths()).await;
                    return Err(error);
                }
                Ok(()) => {}
            }
            let paths = staged.paths();
            let report = Report { batch: Some(staged.batch.clone()), ..staged.report.clone() };
            let mut entry = self.entry(staged, origin);
            entry.replaces.extend(corrects.cloned());
            match custody.append(BATCH, &entry, &self.keys).await? {
                Appended::Written(_) => {
                    if let Some(corrected) = corrects.and_then(|batch| custody.standing(batch)) {
                        vault.destroy(&corrected.paths()).await?;
                    }
                    return Ok(report);
                }
                Appended::Lost => vault.remove(&paths).await,
            }
            custody = self.custody(vault).await?;
            if let Some(already) = already(&custody, origin, corrects)? {
                return Ok(already);
            }
        }
    }

    /// Judges part after part and puts the files of a batch; without the entry that names them, nobody sees them.
    async fn put(
        &self,
        (vault, custody): (&Vault, &Custody),
        corrects: Option<&BatchId>,
        staged: &mut Staged<'_>,
        progress: Progress<'_>,
    ) -> Result<()> {
        let findings = staged.findings;
        let record_type = &findings.parts.plan.record_type.id;
        let landed = Landed::of((vault, custody), record_type, corrects).await?;
        let folder = format!("{record_type}/{}", staged.batch);
        let sealed = (folder.as_str(), &vault.sealer);
        let mut tally = self.tally();
        let n_parts = findings.parts.len() as u64;
        for wave in findings.waves() {
            let end = wave.end as u64;
            let judged = findings.judged(wave, &landed).await?;
            for (extract, judged) in &judged {
                tally.add(extract, judged);
            }
            let buckets = crew::each(judged, |(extract, judged)| {
                batch::buckets(&extract, &judged, self.options.bucket_bits, sealed)
            });
            let buckets: Vec<Vec<Bucket>> = buckets.into_iter().collect::<Result<_>>()?;
            staged.begun.extend(buckets.iter().flatten().map(|bucket| bucket.path.clone()));
            let puts = buckets.into_iter().flatten().map(|bucket| async move {
                let entry = vault.put(bucket.path, bucket.n_rows, &bucket.file).await?;
                Ok::<_, Error>(FileEntry { withdraws: Some(bucket.withdraws), ..entry })
            });
            let put: Vec<FileEntry> = stream::iter(puts).buffered(PUTS).try_collect().await?;
            staged.files.extend(put);
            let left = findings.n_bytes / 3 * (n_parts - end) / n_parts;
            progress(findings.n_bytes - left, findings.n_bytes);
        }
        staged.report = findings.report(tally);
        let rejected = &staged.report.rejected;
        if !rejected.is_empty() {
            let path = format!("_quarantine/{}.parquet", staged.batch);
            staged.begun.push(path.clone());
            let file = batch::quarantine(rejected, vault.seal(&path)?)?;
            staged.quarantine = Some(vault.put(path, rejected.len() as u64, &file).await?);
        }
        Ok(())
    }

    fn entry(&self, staged: Staged<'_>, origin: Origin) -> BatchEntry {
        let Staged { findings, batch, files, quarantine, report, .. } = staged;
        let plan = findings.parts.plan;
        BatchEntry {
            batch,
            record_type: plan.record_type.id.clone(),
            key_space: Some(plan.key_space),
            source: plan.mapping.source.clone(),
            mapping: plan.mapping.id.clone(),
            custodian: self.options.custodian.clone(),
            content: origin.content,
            definitions: origin.definitions,
            bucket_bits: self.options.bucket_bits,
            files,
            quarantine,
            replaces: Vec::new(),
            records: Counts {
                landed: report.landed,
                duplicate: report.duplicate,
                quarantined: report.quarantined,
            },
        }
    }
}

/// What to say where the same content landed before.
///
/// # Errors
/// `StandsBeside` where it stands beside the batch that it is to take the place of.
fn already(custody: &Custody, origin: Origin, corrects: Option<&BatchId>) -> Result<Option<Report>> {
    let Some(batch) = custody.of_content(origin.content, origin.definitions).map(|batch| &batch.batch) else {
        return Ok(None);
    };
    if let Some(corrected) =
        corrects.filter(|corrected| *corrected != batch && custody.standing(corrected).is_some())
    {
        return Err(ActError::StandsBeside { batch: corrected.clone(), correction: batch.clone() }.into());
    }
    Ok(Some(Report { batch: Some(batch.clone()), already: true, ..Report::default() }))
}

/// Whether the batch to be corrected stands and is of the record type.
fn may_correct(custody: &Custody, corrects: Option<&BatchId>, record_type: &RecordTypeId) -> Result<()> {
    let Some(batch) = corrects else { return Ok(()) };
    let found = &standing(custody, batch)?.record_type;
    if found == record_type {
        return Ok(());
    }
    let (found, wanted) = (found.clone(), record_type.clone());
    Err(ActError::OtherType { batch: batch.clone(), found, wanted }.into())
}

/// What the records of an extract are judged against.
struct Landed<'c> {
    vault: &'c Vault,
    files: Vec<&'c FileEntry>,
    erased: Erased,
}

impl<'c> Landed<'c> {
    /// The files of a record type, but for a batch that is to be corrected, and who was erased.
    async fn of(
        (vault, custody): (&'c Vault, &'c Custody),
        record_type: &'c RecordTypeId,
        corrects: Option<&BatchId>,
    ) -> Result<Self> {
        let files = custody.files_of(record_type).filter(|(batch, _)| corrects != Some(&batch.batch));
        let files = files.map(|(_, file)| file).collect();
        Ok(Self { vault, files, erased: Erased::read(vault, custody).await? })
    }
}

/// Checks an extract where there is neither store nor key: duplicates are found within the file only, and who was erased is
/// not known.
///
/// # Errors
/// As [`Landing::check`].
pub fn check_without_keys(
    catalog: &Catalog,
    mapping: &str,
    file: &Path,
    programme_start: NaiveDate,
    progress: Progress<'_>,
) -> Result<Report> {
    let plan = Plan::new(catalog, mapping)?;
    let keys = Keys::draw()?;
    let (dates, every_refusal) = (dates(programme_start), true);
    let reading = Reading { keys: &keys, dates, every_refusal, bucket_bits: PARTS_OF_A_CHECK };
    let findings = read(&plan, file, reading, progress)?;
    let mut tally = Tally::default();
    for part in 0..findings.parts.len() {
        let extract = findings.parts.extract(part)?;
        tally.add(&extract, &judge(&extract, &Known::default(), &Erased::default()));
    }
    Ok(findings.report(tally))
}

/// With what a file is read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'k> {
    pub(crate) keys: &'k Keys,
    pub(crate) dates: Dates,
    /// Whether all refusals of the header and what becomes of every column are told, or the first refusal alone.
    pub(crate) every_refusal: bool,
    pub(crate) bucket_bits: u8,
}

impl Reading<'_> {
    pub(crate) fn pseudonyms(&self, plan: &Plan<'_>) -> Pseudonymiser {
        self.keys.pseudonymiser(plan.key_space.is_restricted())
    }
}

fn dates(first: NaiveDate) -> Dates {
    Dates { first, last: clock::today() }
}

/// A batch on its way into the store.
struct Staged<'f> {
    findings: &'f Findings<'f>,
    batch: BatchId,
    /// What is there of it, whole or not.
    begun: Vec<String>,
    /// What was put.
    files: Vec<FileEntry>,
    quarantine: Option<FileEntry>,
    report: Report,
}

impl<'f> Staged<'f> {
    fn new(findings: &'f Findings<'f>) -> Result<Self> {
        let (begun, files, report) = (Vec::new(), Vec::new(), Report::default());
        Ok(Self { findings, batch: random_batch()?, begun, files, quarantine: None, report })
    }

    fn paths(&self) -> Vec<String> {
        self.begun.clone()
    }
}

impl<'a> Findings<'a> {
    /// Parts that are worked on at once.
    fn waves(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (n_parts, at_once) = (self.parts.len(), crew::size());
        (0..n_parts).step_by(at_once).map(move |first| first..(first + at_once).min(n_parts))
    }

    /// The records of some parts with their fates, against what landed.
    async fn judged(&self, wave: Range<usize>, landed: &Landed<'_>) -> Result<Vec<(Extract<'a>, Judged)>> {
        let extracts = crew::each(wave.clone().collect(), |part| self.parts.extract(part));
        let mut of_parts = Vec::new();
        for (part, extract) in wave.zip(extracts) {
            let is_of_part = |file: &&&FileEntry| self.parts.of_bucket(bucket_of(&file.path)) == part;
            let files = landed.files.iter().filter(is_of_part).copied();
            of_parts.push((extract?, batch::open(landed.vault, files).await?));
        }
        let judged = crew::each(of_parts, |(mut extract, files)| {
            let known = batch::known(files, &extract)?;
            let mut judged = judge(&extract, &known, &landed.erased);
            judged.hide_withdrawn(&mut extract, &known);
            Ok((extract, judged))
        });
        judged.into_iter().collect()
    }
}

/// By what a file is recognised when it comes again.
#[derive(Clone, Copy)]
struct Origin {
    content: Digest,
    definitions: Digest,
}

impl Origin {
    fn of(plan: &Plan<'_>, file: &Path, keys: &Keys) -> Result<Self> {
        let content = content_of(file, keys.content_hasher())?;
        Ok(Self { content: Digest::from_bytes(*content.as_bytes()), definitions: plan.definitions() })
    }
}

pub(crate) fn random_batch() -> Result<BatchId> {
    Ok(random_name()?.parse().expect("32 hexadecimal digits name a batch"))
}

/// 32 hexadecimal digits that nobody else draws.
pub(crate) fn random_name() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(hex::encode(bytes))
}
