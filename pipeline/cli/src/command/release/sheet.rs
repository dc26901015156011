//! `release show --html`: the proposal as one page in French, Arabic and English.
//!
//! It says what the terminal and `--json` say. What stewards skip comes first: the price in plain words, and C18.

use std::path::Path;

use marsad_ledger::checklist::{Item, Standing, Who};
use marsad_ledger::{RequestState, ScopeAfter, State};
use marsad_publish::day;
use marsad_publish::sheet::{self, Block, Sheet, Shown};
use marsad_terms::{Language, NanoRho, Text};
use serde_json::json;

use super::outlook::Outlook;
use super::public::{Public, attack, sharpest};
use super::{question, show};
use crate::report::{Failure, Report, decimal};

/// Writes the page.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn write(
    state: &State,
    request: &RequestState,
    public: &Public,
    path: &Path,
) -> Result<Report, Failure> {
    let page = sheet::write(&page(state, request, public))?;
    std::fs::write(path, page).map_err(|error| Failure::file(path, "be written", &error))?;
    let json = json!({"release": request.release(), "proposal": request.proposal_id, "html": path});
    Ok(Report::new(format!("{} holds the proposal", path.display()), json))
}

fn page(state: &State, request: &RequestState, public: &Public) -> Sheet {
    let proposal = &request.proposal;
    let scopes = show::scopes(state, request);
    let title = Text {
        fr: format!("Proposition {} : {}", proposal.release, proposal.title.fr),
        ar: format!("اقتراح \u{2066}{}\u{2069}: {}", proposal.release, proposal.title.ar),
        en: format!("Proposal {}: {}", proposal.release, proposal.title.en),
    };
    let blocks = vec![
        why(request, public),
        statistics(request, public),
        cost(request, (&scopes, public)),
        tables(request, public),
        differences(request, public),
        machine(request),
        person(request),
        decisions(request),
    ];
    let blocks = blocks.into_iter().filter(|block| !block.rows.is_empty() || !block.paragraphs.is_empty());
    Sheet { title, workspace: public.workspace.clone(), blocks: blocks.collect() }
}

fn code(text: impl ToString) -> Shown {
    Shown::Code(text.to_string())
}

/// A decimal number, with the comma of French and Arabic.
fn number(text: String) -> Shown {
    let comma = text.replace('.', ",");
    Shown::Words(Text::new(&comma, format!("\u{2066}{comma}\u{2069}"), &text))
}

/// `2025-01-15T09:00:00Z` as `15 January 2025, 09:00 UTC`.
fn moment(time: &str, language: Language) -> String {
    match (time.get(..10), time.get(11..16), time.ends_with('Z')) {
        (Some(day), Some(minute), true) => {
            format!("{}, \u{2066}{minute} UTC\u{2069}", day::in_words(day, language))
        }
        _ => format!("\u{2066}{time}\u{2069}"),
    }
}

fn why(request: &RequestState, public: &Public) -> Block {
    let rows = public.purposes(request).into_iter();
    let proposal = &request.proposal;
    let (id, recipients) = (request.proposal_id.hex()[..8].to_owned(), proposal.recipients.join(", "));
    let [embargo_fr, embargo_ar, embargo_en] =
        Language::ALL.map(|language| moment(&proposal.embargo, language));
    Block {
        heading: Text::new("Pourquoi", "لماذا", "Why"),
        paragraphs: vec![
            Text {
                fr: format!(
                    "Proposition {id}, de {}. Approbations demandées : {}. Destinataires : {recipients}. Embargo : {embargo_fr}.",
                    proposal.author, proposal.approvals_needed
                ),
                ar: format!(
                    "الاقتراح \u{2066}{id}\u{2069} من إعداد \u{2066}{}\u{2069}. الموافقات المطلوبة: {}. الجهات المستفيدة: \u{2066}{recipients}\u{2069}. حظر النشر حتى: {embargo_ar}.",
                    proposal.author, proposal.approvals_needed
                ),
                en: format!(
                    "Proposal {id} by {}. Approvals asked for: {}. Recipients: {recipients}. Embargo: {embargo_en}.",
                    proposal.author, proposal.approvals_needed
                ),
            },
            proposal.coverage.clone(),
        ],
        head: vec![
            Text::new("Finalité", "الغرض", "Purpose"),
            Text::new("Intitulé", "العنوان", "Title"),
            Text::new("Autorisation", "الترخيص", "Authorisation"),
        ],
        rows: rows.map(|why| vec![code(why.id), Shown::Words(why.title), code(why.authorisation)]).collect(),
    }
}

fn statistics(request: &RequestState, public: &Public) -> Block {
    let area = |area: &str| match area {
        "region" => Shown::Words(Text::new("région", "الجهة", "region")),
        "national" => Shown::Words(Text::new("pays", "البلد", "country")),
        other => code(other),
    };
    let rows = public.statistics(request).into_iter().map(|asked| {
        vec![
            code(asked.id),
            Shown::Words(asked.title),
            Shown::Words(public.unit(&asked.unit)),
            Shown::Words(asked.bound),
            area(asked.area),
        ]
    });
    Block {
        heading: Text::new("Ce qui est demandé", "ما هو المطلوب", "What is asked for"),
        paragraphs: Vec::new(),
        head: vec![
            Text::new("Statistique", "الإحصاء", "Statistic"),
            Text::new("Intitulé", "العنوان", "Title"),
            Text::new("Unité", "الوحدة", "Unit"),
            Text::new("Borne par personne", "الحد لكل شخص", "Bound of a person"),
            Text::new("Plus petit territoire", "أصغر نطاق جغرافي", "Smallest area"),
        ],
        rows: rows.collect(),
    }
}

fn cost(request: &RequestState, (scopes, public): (&[ScopeAfter], &Public)) -> Block {
    let after = show::lifetime(scopes).map_or(NanoRho::ZERO, |scope| scope.after);
    let outlook = Outlook::of(request);
    let spent = decimal(request.proposal.nano_rho);
    let price = Text::new(
        format!("Coût : ρ = {}.", spent.replace('.', ",")),
        format!("التكلفة: \u{2066}ρ = {}\u{2069}.", spent.replace('.', ",")),
        format!("Cost: ρ = {spent}."),
    );
    let rows = scopes.iter().map(|scope| {
        let left =
            scope.cap.map(|cap| cap.checked_sub(scope.after).map_or_else(|| "< 0".to_owned(), decimal));
        let dash = || "–".to_owned();
        vec![
            Shown::Words(public.scope(&scope.scope)),
            number(decimal(scope.used)),
            number(decimal(scope.after)),
            number(left.unwrap_or_else(dash)),
            number(scope.cap.map_or_else(dash, decimal)),
        ]
    });
    Block {
        heading: Text::new("Ce que cela coûte", "التكلفة", "What it costs"),
        paragraphs: [price].into_iter().chain(outlook.map(|outlook| outlook.words(after))).collect(),
        head: vec![
            Text::new("Budget", "الميزانية", "Budget"),
            Text::new("Avant", "قبل", "Before"),
            Text::new("Après", "بعد", "After"),
            Text::new("Reste", "الباقي", "Left"),
            Text::new("Plafond", "السقف", "Cap"),
        ],
        rows: rows.collect(),
    }
}

fn tables(request: &RequestState, public: &Public) -> Block {
    let rows = request.proposal.tables.iter().map(|t| {
        let margin = if t.margin.is_empty() { "–".to_owned() } else { format!("± {}", t.margin) };
        vec![
            code(&t.dataflow),
            Shown::Words(public.table(&t.dimensions)),
            code(t.cells),
            number(margin),
            code(&t.reliable_from),
            code(&t.usable_from),
            code(show::expected(t)),
        ]
    });
    Block {
        heading: Text::new(
            "Tableaux et marges prévues",
            "الجداول وهوامش الحماية المتوقعة",
            "Tables and predicted margins",
        ),
        paragraphs: vec![Text::new(
            "A : fiable ; U : fiabilité réduite ; Q : non affiché. Les cases A/U/Q attendues sont comptées sur les chiffres publiés d'une publication antérieure, jamais sur les dossiers.",
            "A: موثوق؛ U: موثوقية منخفضة؛ Q: غير معروض. تُقدَّر خانات A/U/Q من أرقام إصدار سابق منشور، وليس من الملفات أبدا.",
            "A: reliable; U: less reliable; Q: not shown. Expected A/U/Q cells are counted on the published figures of an earlier release, never on the records.",
        )],
        head: vec![
            Text::new("Flux", "التدفق", "Dataflow"),
            Text::new("Tableau", "الجدول", "Table"),
            Text::new("Cases", "الخانات", "Cells"),
            Text::new("Marge", "الهامش", "Margin"),
            Text::new("A dès", "A ابتداء من", "A from"),
            Text::new("U dès", "U ابتداء من", "U from"),
            Text::new("A/U/Q attendus", "A/U/Q المتوقعة", "A/U/Q expected"),
        ],
        rows: rows.collect(),
    }
}

fn differences(request: &RequestState, public: &Public) -> Block {
    let rows = sharpest(request).into_iter().map(|(one, n)| {
        vec![
            Shown::Words(attack(one.attack)),
            code(format!("{} · {}", one.earlier, one.release)),
            Shown::Words(public.table(&one.dimensions)),
            Shown::Words(one.remains_in_words()),
            code(n),
            number(format!("± {}", one.margin)),
        ]
    });
    let rows: Vec<Vec<Shown>> = rows.collect();
    let said = match rows.is_empty() {
        true => Text::new(
            "Aucune case publiée ne diffère d'une nouvelle par un groupe.",
            "لا توجد خانة منشورة تختلف عن خانة جديدة بمجموعة ما.",
            "No published cell differs from a new one by a group.",
        ),
        false => Text::new(
            "Un groupe plus petit que la marge de la différence reste caché.",
            "كل مجموعة أصغر من هامش الفرق تبقى مخفية.",
            "A group smaller than the difference's margin stays hidden.",
        ),
    };
    Block {
        heading: Text::new(
            "Avec les publications antérieures",
            "مع الإصدارات السابقة",
            "Together with earlier releases",
        ),
        paragraphs: vec![said],
        head: vec![
            Text::new("Attaque", "الهجوم", "Attack"),
            Text::new("Avec", "مع", "With"),
            Text::new("Tableau le plus net", "أدق جدول", "Sharpest table"),
            Text::new("Ce qui reste", "ما يتبقى", "What remains"),
            Text::new("Tableaux", "الجداول", "Tables"),
            Text::new("Différence", "الفرق", "Difference"),
        ],
        rows,
    }
}

/// The evidence in the page's language; proposals of earlier versions have it in English alone, and are marked so.
fn evidence(item: &Item) -> Shown {
    match item.evidence_fr.is_empty() && item.evidence_ar.is_empty() {
        true => Shown::English(item.evidence.clone()),
        false => Shown::Words(item.text()),
    }
}

fn machine(request: &RequestState) -> Block {
    let rows = request.proposal.checklist.iter().filter(|item| item.who == Who::Machine).map(|item| {
        let state = match show::standing(request, item) {
            Standing::Pass => Text::new("réussi", "ناجح", "pass"),
            Standing::Fail => Text::new("échec", "فاشل", "fail"),
            Standing::Open => Text::new("ouvert", "مفتوح", "open"),
            Standing::AfterRun => Text::new("après le tirage", "بعد التنفيذ", "after the run"),
        };
        vec![code(&item.id), Shown::Words(state), evidence(item)]
    });
    Block {
        heading: Text::new("Vérifié par la machine", "ما تتحقق منه الآلة", "Checked by the machine"),
        paragraphs: Vec::new(),
        head: vec![
            Text::new("Point", "البند", "Item"),
            Text::new("État", "الحالة", "State"),
            Text::new("Constat", "المعاينة", "Evidence"),
        ],
        rows: rows.collect(),
    }
}

fn person(request: &RequestState) -> Block {
    let asked = question::all(&request.proposal).into_iter();
    let rows =
        asked.map(|item| vec![code(&item.id), Shown::Words(question::asked(&item.id)), evidence(item)]);
    Block {
        heading: Text::new("À confirmer par une personne", "ما يؤكده شخص", "For a person to confirm"),
        paragraphs: Vec::new(),
        head: vec![
            Text::new("Point", "البند", "Item"),
            Text::new("Question", "السؤال", "Question"),
            Text::new("Constat", "المعاينة", "Evidence"),
        ],
        rows: rows.collect(),
    }
}

fn decisions(request: &RequestState) -> Block {
    let rows = request.decisions.iter().map(|made| {
        let word = match (made.decision, made.lapsed) {
            (marsad_ledger::Answer::Reject, _) => Text::new("rejet", "رفض", "rejected"),
            (_, true) => Text::new("approbation expirée", "موافقة منتهية", "approval lapsed"),
            (_, false) => Text::new("approbation", "موافقة", "approved"),
        };
        vec![code(&made.signer), Shown::Words(word), code(&made.time), code(&made.reason)]
    });
    Block {
        heading: Text::new("Décisions", "القرارات", "Decisions"),
        paragraphs: Vec::new(),
        head: vec![
            Text::new("Personne", "الشخص", "Person"),
            Text::new("Décision", "القرار", "Decision"),
            Text::new("Heure (UTC)", "الوقت (UTC)", "Time (UTC)"),
            Text::new("Raison", "السبب", "Reason"),
        ],
        rows: rows.collect(),
    }
}
