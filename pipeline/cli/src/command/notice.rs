//! `person notice`: what persons are told before they consent, out of the purpose registry (law 09-08, articles 4 and 5).
//!
//! A draft for the form of a source. It deliberately lacks the controller's address, which the programme writes in.

use std::collections::BTreeMap;

use marsad_catalog::{Catalog, Purpose};
use marsad_landing::retention::{Term, terms};
use marsad_terms::{Explanation, Language, RecordTypeId, Text, clock};
use serde_json::{Value, json};

use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// The texts of one purpose, or of all that read records of persons.
///
/// # Errors
/// Definitions with faults, an unknown purpose.
pub(super) fn run(workspace: &Workspace, id: Option<&str>) -> Result<Report, Failure> {
    let catalog = workspace.catalog_without_queries()?;
    let terms = terms(&catalog, &workspace.settings.retention, clock::today());
    let purposes: Vec<&Purpose> = match id {
        Some(id) => vec![catalog.purposes.get(id).ok_or_else(|| unknown(&catalog, id))?],
        None => catalog.purposes.values().filter(|purpose| is_personal(&catalog, purpose)).collect(),
    };
    let notices: Vec<(&Purpose, Text)> =
        purposes.into_iter().map(|purpose| (purpose, notice(&catalog, purpose, &terms))).collect();
    let languages = workspace.languages();
    let all: Vec<&str> =
        notices.iter().flat_map(|(_, text)| languages.iter().map(|language| text.get(*language))).collect();
    let json: Vec<Value> =
        notices.iter().map(|(purpose, text)| json!({"purpose": purpose.id, "text": text})).collect();
    Ok(Report::new(all.join("\n\n"), json!({"notices": json})))
}

fn is_personal(catalog: &Catalog, purpose: &Purpose) -> bool {
    let mut types = purpose.record_types.iter().filter_map(|id| catalog.record_types.get(id));
    types.any(marsad_catalog::RecordType::is_personal)
}

fn unknown(catalog: &Catalog, id: &str) -> Failure {
    let known: Vec<&str> = catalog.purposes.keys().map(String::as_str).collect();
    Failure::new(Explanation::new(
        "W43",
        format!("no purpose is `{id}`"),
        "persons are told of purposes that purposes.toml registers",
        format!("name one of {}", known.join(", ")),
    ))
}

fn notice(catalog: &Catalog, purpose: &Purpose, terms: &BTreeMap<RecordTypeId, Term>) -> Text {
    let of = |language: Language, and: &str| {
        let titles = purpose.record_types.iter().filter_map(|id| catalog.record_types.get(id));
        titles.map(|record_type| record_type.title.get(language)).collect::<Vec<_>>().join(and)
    };
    let months = purpose.record_types.iter().filter_map(|id| terms.get(id)).map(|term| term.months).max();
    let months = months.unwrap_or(purpose.retention_months);
    let authorisation = &purpose.authorisation;
    let decision = format!("{} {}", authorisation.authority, authorisation.reference);
    let (id, title) = (&purpose.id, &purpose.title);
    Text::new(
        format!(
            "Information avant votre accord (finalité {id})\n\
             Pourquoi : {}.\n\
             Ce qui est enregistré : {}. Un code à la place du nom, des catégories, une région et un mois ; ni téléphone, ni adresse, ni document.\n\
             Ce que l'on en fait : des statistiques, publiées pour tous. Un bruit aléatoire y est ajouté, qui rend très \
             difficile de deviner si vous y êtes ; le risque qui reste est limité et publié.\n\
             Qui reçoit : les mêmes chiffres pour tous. Vos données ne sont remises à personne.\n\
             Combien de temps : au plus {months} mois après le mois de l'événement, puis elles sont détruites.\n\
             Autorisation : {decision}.\n\
             Vous êtes libre d'accepter ou de refuser, et de changer d'avis à tout moment. L'aide n'en dépend pas.\n\
             Vos droits (loi 09-08, articles 7 à 9) : voir vos données, les corriger, les faire effacer, vous opposer ; \
             réponse en dix jours. Après un effacement, un code seul est gardé, pour que vos anciennes données ne reviennent pas. Ce qui est déjà publié reste : des nombres protégés de même.\n\
             Contact : ………………………………………",
            title.fr,
            of(Language::Fr, " ; "),
        ),
        format!(
            "معلومات قبل موافقتكم (الغرض \u{2068}{id}\u{2069})\n\
             الغاية: {}.\n\
             ما يُسجَّل: {}. رمز مكان الاسم، وفئات وجهة وشهر، دون هاتف ولا عنوان ولا وثيقة.\n\
             ما يُصنع به: إحصاءات تُنشر للجميع، ويُضاف إليها تشويش عشوائي يجعل من الصعب جدا أن يُعرف منها هل أنتم ضمنها؛ والخطر المتبقي محدود ومنشور.\n\
             من يتلقاها: الأرقام نفسها للجميع. ولا تُسلَّم معطياتكم إلى أحد.\n\
             المدة: \u{2068}{months}\u{2069} شهرا على الأكثر بعد شهر الواقعة، ثم تُتلف.\n\
             الترخيص: \u{2068}{decision}\u{2069}.\n\
             لكم حرية القبول أو الرفض، وتغيير رأيكم في أي وقت. ولا تتوقف المساعدة على ذلك.\n\
             حقوقكم (القانون \u{2068}09-08\u{2069}، المواد من 7 إلى 9): الاطلاع على معطياتكم وتصحيحها ومحوها والتعرض على معالجتها، \
             والجواب داخل عشرة أيام. وبعد المحو يُحتفظ برمز وحده حتى لا تعود معطياتكم السابقة. أما ما نُشر من قبل فيبقى: أعداد محمية بالطريقة نفسها.\n\
             للاتصال: ………………………………………",
            title.ar,
            of(Language::Ar, "؛ "),
        ),
        format!(
            "What you should know before you agree (purpose {id})\n\
             Why: {}.\n\
             What is recorded: {}. A code in place of the name, categories, a region and a month; no telephone, no address, no document.\n\
             What is done with it: statistics, published for everybody. Random noise is added, which makes it very hard to \
             guess from them whether you are among those counted; the risk that remains is limited and published.\n\
             Who receives: the same figures for all. Your data are given to nobody.\n\
             How long: at most {months} months after the month of the event, then they are destroyed.\n\
             Authorisation: {decision}.\n\
             You are free to agree or to refuse, and to change your mind at any time. Assistance does not depend on it.\n\
             Your rights (law 09-08, articles 7 to 9): to see your data, to correct them, to have them erased, to object; \
             an answer within ten days. After an erasure a code alone is kept, so that your earlier data do not come back. What is published already stays: numbers protected in the same way.\n\
             Contact: ………………………………………",
            title.en,
            of(Language::En, "; "),
        ),
    )
}
