//! `release show --html`: the proposal as one page in French, Arabic and English.
//!
//! It says what the terminal and `--json` say. Evidence of the checklist exists in English alone and is marked so.

use std::path::Path;

use marsad_ledger::checklist::{Standing, Who};
use marsad_ledger::proposal::Attack;
use marsad_ledger::{RequestState, ScopeAfter, State};
use marsad_publish::sheet::{self, Block, Sheet, Shown};
use marsad_terms::{NanoRho, Text};
use serde_json::json;

use super::outlook::Outlook;
use super::public::{Public, sharpest};
use super::show;
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
        cost(request, &scopes),
        tables(request),
        differences(request),
        machine(request),
        person(request),
        decisions(request),
    ];
    let blocks = blocks.into_iter().filter(|block| !block.rows.is_empty() || !block.paragraphs.is_empty());
    Sheet { title, workspace: public.workspace.clone(), blocks: blocks.collect() }
}

fn words(fr: &str, ar: &str, en: &str) -> Text {
    Text { fr: fr.to_owned(), ar: ar.to_owned(), en: en.to_owned() }
}

fn code(text: impl ToString) -> Shown {
    Shown::Code(text.to_string())
}

fn why(request: &RequestState, public: &Public) -> Block {
    let rows = public.purposes(request).into_iter();
    let proposal = &request.proposal;
    let (id, recipients) = (request.proposal_id.hex()[..8].to_owned(), proposal.recipients.join(", "));
    Block {
        heading: words("Pourquoi", "لماذا", "Why"),
        paragraphs: vec![
            Text {
                fr: format!(
                    "Proposition {id}, de {}. Approbations demandées : {}. Destinataires : {recipients}. Embargo : {}.",
                    proposal.author, proposal.approvals_needed, proposal.embargo
                ),
                ar: format!(
                    "الاقتراح \u{2066}{id}\u{2069} من إعداد \u{2066}{}\u{2069}. الموافقات المطلوبة: {}. الجهات المستفيدة: \u{2066}{recipients}\u{2069}. حظر النشر حتى: \u{2066}{}\u{2069}.",
                    proposal.author, proposal.approvals_needed, proposal.embargo
                ),
                en: format!(
                    "Proposal {id} by {}. Approvals asked for: {}. Recipients: {recipients}. Embargo: {}.",
                    proposal.author, proposal.approvals_needed, proposal.embargo
                ),
            },
            proposal.coverage.clone(),
        ],
        head: vec![
            words("Finalité", "الغرض", "Purpose"),
            words("Intitulé", "العنوان", "Title"),
            words("Autorisation", "الترخيص", "Authorisation"),
        ],
        rows: rows.map(|why| vec![code(why.id), Shown::Words(why.title), code(why.authorisation)]).collect(),
    }
}

fn statistics(request: &RequestState, public: &Public) -> Block {
    let area = |area: &str| match area {
        "region" => Shown::Words(words("région", "الجهة", "region")),
        "national" => Shown::Words(words("pays", "البلد", "country")),
        other => code(other),
    };
    let rows = public.statistics(request).into_iter().map(|asked| {
        vec![
            code(asked.id),
            Shown::Words(asked.title),
            code(asked.unit),
            Shown::English(asked.bound),
            area(asked.area),
        ]
    });
    Block {
        heading: words("Ce qui est demandé", "ما هو المطلوب", "What is asked for"),
        paragraphs: Vec::new(),
        head: vec![
            words("Statistique", "الإحصاء", "Statistic"),
            words("Intitulé", "العنوان", "Title"),
            words("Unité", "الوحدة", "Unit"),
            words("Borne par personne", "الحد لكل شخص", "Bound of a person"),
            words("Plus petit territoire", "أصغر نطاق جغرافي", "Smallest area"),
        ],
        rows: rows.collect(),
    }
}

fn cost(request: &RequestState, scopes: &[ScopeAfter]) -> Block {
    let after = show::lifetime(scopes).map_or(NanoRho::ZERO, |scope| scope.after);
    let outlook = Outlook::of(request);
    let spent = decimal(request.proposal.nano_rho);
    let price = words(
        &format!("Coût : ρ = {}.", spent.replace('.', ",")),
        &format!("التكلفة: \u{2066}ρ = {}\u{2069}.", spent.replace('.', ",")),
        &format!("Cost: ρ = {spent}."),
    );
    let rows = scopes.iter().map(|scope| {
        let left =
            scope.cap.map(|cap| cap.checked_sub(scope.after).map_or_else(|| "< 0".to_owned(), decimal));
        let dash = || "–".to_owned();
        vec![
            code(&scope.scope),
            code(decimal(scope.used)),
            code(decimal(scope.after)),
            code(left.unwrap_or_else(dash)),
            code(scope.cap.map_or_else(dash, decimal)),
        ]
    });
    Block {
        heading: words("Ce que cela coûte", "التكلفة", "What it costs"),
        paragraphs: [price].into_iter().chain(outlook.map(|outlook| outlook.words(after))).collect(),
        head: vec![
            words("Budget", "الميزانية", "Budget"),
            words("Avant", "قبل", "Before"),
            words("Après", "بعد", "After"),
            words("Reste", "الباقي", "Left"),
            words("Plafond", "السقف", "Cap"),
        ],
        rows: rows.collect(),
    }
}

fn tables(request: &RequestState) -> Block {
    let rows = request.proposal.tables.iter().map(|t| {
        let margin = if t.margin.is_empty() { "–".to_owned() } else { format!("± {}", t.margin) };
        vec![
            code(&t.dataflow),
            code(t.dimensions.join(", ")),
            code(t.cells),
            code(margin),
            code(&t.reliable_from),
            code(&t.usable_from),
            code(show::expected(t)),
        ]
    });
    Block {
        heading: words(
            "Tableaux et marges prévues",
            "الجداول وهوامش الخطأ المتوقعة",
            "Tables and predicted margins",
        ),
        paragraphs: vec![words(
            "A : fiable ; U : peu fiable ; Q : non affiché. Les cases A/U/Q attendues sont comptées sur les chiffres publiés d'une publication antérieure, jamais sur les dossiers.",
            "A: موثوق؛ U: قليل الموثوقية؛ Q: غير معروض. تُقدَّر خانات A/U/Q من أرقام إصدار سابق منشور، وليس من الملفات أبدا.",
            "A: reliable; U: less reliable; Q: not shown. Expected A/U/Q cells are counted on the published figures of an earlier release, never on the records.",
        )],
        head: vec![
            words("Flux", "التدفق", "Dataflow"),
            words("Tableau", "الجدول", "Table"),
            words("Cases", "الخانات", "Cells"),
            words("Marge", "الهامش", "Margin"),
            words("A dès", "A ابتداء من", "A from"),
            words("U dès", "U ابتداء من", "U from"),
            words("A/U/Q attendus", "A/U/Q المتوقعة", "A/U/Q expected"),
        ],
        rows: rows.collect(),
    }
}

fn differences(request: &RequestState) -> Block {
    let name = |attack: Attack| match attack {
        Attack::SameCells => words("mêmes cases de nouveau", "الخانات نفسها مرة أخرى", "same cells again"),
        Attack::TwoStatements => words("deux requêtes", "استعلامان مختلفان", "two statements"),
        Attack::YearLessQuarters => {
            words("année moins trimestres", "السنة ناقص الفصول", "year less quarters")
        }
    };
    let rows = sharpest(request).into_iter().map(|(one, n)| {
        vec![
            Shown::Words(name(one.attack)),
            code(format!("{} · {}", one.earlier, one.release)),
            code(one.dimensions.join(", ")),
            Shown::English(one.remains.clone()),
            code(n),
            code(format!("± {}", one.margin)),
        ]
    });
    let rows: Vec<Vec<Shown>> = rows.collect();
    let said = match rows.is_empty() {
        true => words(
            "Aucune case publiée ne diffère d'une nouvelle par un groupe.",
            "لا توجد خانة منشورة تختلف عن خانة جديدة بمجموعة ما.",
            "No published cell differs from a new one by a group.",
        ),
        false => words(
            "Un groupe plus petit que la marge de la différence reste caché.",
            "كل مجموعة أصغر من هامش الفرق تبقى مخفية.",
            "A group smaller than the difference's margin stays hidden.",
        ),
    };
    Block {
        heading: words(
            "Avec les publications antérieures",
            "مع الإصدارات السابقة",
            "Together with earlier releases",
        ),
        paragraphs: vec![said],
        head: vec![
            words("Attaque", "الهجوم", "Attack"),
            words("Avec", "مع", "With"),
            words("Tableau le plus net", "أدق جدول", "Sharpest table"),
            words("Ce qui reste", "ما يتبقى", "What remains"),
            words("Tableaux", "الجداول", "Tables"),
            words("Différence", "الفرق", "Difference"),
        ],
        rows,
    }
}

fn machine(request: &RequestState) -> Block {
    let rows = request.proposal.checklist.iter().filter(|item| item.who == Who::Machine).map(|item| {
        let state = match item.state {
            Standing::Pass => words("réussi", "ناجح", "pass"),
            Standing::Fail => words("échec", "فاشل", "fail"),
            Standing::Open => words("ouvert", "مفتوح", "open"),
            Standing::AfterRun => words("après le tirage", "بعد التنفيذ", "after the run"),
        };
        vec![code(&item.id), Shown::Words(state), Shown::English(item.evidence.clone())]
    });
    Block {
        heading: words("Vérifié par la machine", "ما تتحقق منه الآلة", "Checked by the machine"),
        paragraphs: Vec::new(),
        head: vec![
            words("Point", "البند", "Item"),
            words("État", "الحالة", "State"),
            words("Constat", "المعاينة", "Evidence"),
        ],
        rows: rows.collect(),
    }
}

fn person(request: &RequestState) -> Block {
    let asked = request.proposal.checklist.iter().filter(|item| item.wants_an_answer());
    Block {
        heading: words("À confirmer par une personne", "ما يؤكده شخص", "For a person to confirm"),
        paragraphs: Vec::new(),
        head: vec![words("Point", "البند", "Item"), words("Question", "السؤال", "Question")],
        rows: asked.map(|item| vec![code(&item.id), Shown::English(item.evidence.clone())]).collect(),
    }
}

fn decisions(request: &RequestState) -> Block {
    let rows = request.decisions.iter().map(|made| {
        let word = match (made.decision, made.lapsed) {
            (marsad_ledger::Answer::Reject, _) => words("rejet", "رفض", "rejected"),
            (_, true) => words("approbation expirée", "موافقة منتهية", "approval lapsed"),
            (_, false) => words("approbation", "موافقة", "approved"),
        };
        vec![code(&made.signer), Shown::Words(word), code(&made.time), code(&made.reason)]
    });
    Block {
        heading: words("Décisions", "القرارات", "Decisions"),
        paragraphs: Vec::new(),
        head: vec![
            words("Personne", "الشخص", "Person"),
            words("Décision", "القرار", "Decision"),
            words("Heure (UTC)", "الوقت (UTC)", "Time (UTC)"),
            words("Raison", "السبب", "Reason"),
        ],
        rows: rows.collect(),
    }
}
