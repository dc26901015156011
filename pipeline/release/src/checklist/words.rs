//! The checklist's evidence in French, Arabic and English. Names, numbers and formulas are the same in all, and are kept in
//! their own direction within Arabic. Deliberately decides nothing.

use std::fmt::Display;

use marsad_ledger::ScopeAfter;
use marsad_ledger::proposal::{Difference, Forecast, Overlap};
use marsad_ledger::scope::decimal;
use marsad_terms::Text;

/// C03.
pub(super) fn provider() -> Text {
    Text::new(
        "les lignes passent par le fournisseur de tables, qui écarte celles sans consentement ni base légale",
        "تُقرأ الصفوف عبر موفر الجداول الذي يستبعد ما ليس له موافقة أو أساس قانوني",
        "rows are read through the table provider, which drops those without consent or legal basis",
    )
}

/// C10.
pub(super) fn flags() -> Text {
    Text::new(
        "les indicateurs de fiabilité viennent du seul tableau bruité : un tableau exact n'a d'autre lecteur que le bruit",
        "تُستخرج علامات الموثوقية من الجدول المشوَّش وحده: لا يقرأ الجدول الدقيق إلا مولد التشويش",
        "flags are made from the noisy table alone: an exact table has no other reader than the noise",
    )
}

/// C14.
pub(super) fn totals() -> Text {
    Text::new(
        "`marsad verify` contrôle les totaux de la livraison",
        "يتحقق الأمر marsad verify من المجاميع في الحزمة",
        "totals are checked on the bundle by `marsad verify`",
    )
}

/// C15.
pub(super) fn display() -> Text {
    Text::new(
        "`marsad verify` contrôle les valeurs affichées de la livraison",
        "يتحقق الأمر marsad verify من القيم المعروضة في الحزمة",
        "display values are checked on the bundle by `marsad verify`",
    )
}

/// C17.
pub(super) fn wording() -> Text {
    Text::new(
        "un titre ou une note invite-t-il à une lecture fausse (« migrants de la région » pour « personnes assistées ») ?",
        "هل يدعو عنوان أو ملاحظة إلى قراءة خاطئة («المهاجرون في الجهة» بدل «الأشخاص المستفيدون من المساعدة»)؟",
        "does a title or note invite a wrong reading (\"migrants in the region\" for \"persons assisted\")?",
    )
}

/// C18.
pub(super) fn harm() -> Text {
    Text::new(
        "un tableau pourrait-il guider une action contre un groupe ou un lieu ? oui ou non, avec une phrase",
        "هل يمكن أن يوجه جدول عملا ضد مجموعة أو مكان؟ نعم أو لا، مع جملة",
        "could a table guide action against a group or a place? yes or no, with a sentence",
    )
}

/// C19.
pub(super) fn together() -> Text {
    Text::new(
        "deux tableaux publiés ensemble pourraient-ils en dire plus sur un petit groupe que chacun seul ?",
        "هل يمكن أن يكشف جدولان منشوران معا عن مجموعة صغيرة أكثر مما يكشفه كل منهما وحده؟",
        "could two tables published together say more about a small group than each alone?",
    )
}

/// C21.
pub(super) fn approvals(n: u32) -> Text {
    Text::new(
        format!("{n} approbation(s) par d'autres clés que celle de l'auteur"),
        format!("عدد الموافقات بمفاتيح غير مفتاح صاحب الاقتراح: {n}"),
        format!("{n} approval(s) by other keys than the author's"),
    )
}

/// C22.
pub(super) fn coverage(declared: &Text) -> Text {
    Text::new(
        format!("couverture déclarée : {}", declared.fr),
        format!("التغطية المصرح بها: {}", declared.ar),
        format!("declared coverage: {}", declared.en),
    )
}

/// C23.
pub(super) fn requests() -> Text {
    Text::new(
        "les demandes ouvertes des personnes sur ces types d'enregistrements sont-elles traitées, ou pas encore échues ?",
        "هل عولجت طلبات الأشخاص المفتوحة المتعلقة بأنواع السجلات هذه، أو لم يحن أجلها بعد؟",
        "are the open requests of persons that concern these record types done, or not yet due?",
    )
}

/// C24.
pub(super) fn formats() -> Text {
    Text::new(
        "formats, empreintes et signature sont contrôlés avant la publication",
        "تُفحص الصيغ والبصمات والتوقيع قبل النشر",
        "formats, hashes and signature are checked before publication",
    )
}

/// C25.
pub(super) fn withdrawal() -> Text {
    Text::new(
        "qui décide d'un retrait, et qui est informé ?",
        "من يقرر السحب، ومن يُخبَر؟",
        "who decides on a withdrawal, and who is told?",
    )
}

/// C01, all is covered.
pub(super) fn covered(purposes: &[String]) -> Text {
    let ids = purposes.join(", ");
    Text::new(format!("couvert par {ids}"), format!("يغطيه {}", ltr(&ids)), format!("covered by {ids}"))
}

/// C01.
pub(super) fn no_purpose(id: impl Display, purpose: &str) -> Text {
    Text::new(
        format!("{id} : pas de finalité « {purpose} »"),
        format!("{}: لا يوجد غرض {}", ltr(&id), ltr(purpose)),
        format!("{id}: no purpose `{purpose}`"),
    )
}

/// C01.
pub(super) fn not_covered(id: impl Display, purpose: &str, what: impl Display) -> Text {
    Text::new(
        format!("{id} : {purpose} ne couvre pas {what}"),
        format!("{}: لا يغطي {} {}", ltr(&id), ltr(purpose), ltr(&what)),
        format!("{id}: {purpose} does not cover {what}"),
    )
}

/// C01.
pub(super) fn sensitive(id: impl Display, purpose: &str, column: impl Display) -> Text {
    Text::new(
        format!("{id} : {purpose} ne nomme pas la colonne sensible {column}"),
        format!("{}: لا يذكر {} العمود الحساس {}", ltr(&id), ltr(purpose), ltr(&column)),
        format!("{id}: {purpose} does not name the sensitive column {column}"),
    )
}

/// C01.
pub(super) fn unlisted_join(id: impl Display, purpose: &str, a: impl Display, b: impl Display) -> Text {
    Text::new(
        format!("{id} : {purpose} n'autorise pas de joindre {a} et {b}"),
        format!("{}: لا يسمح {} بالربط بين {} و{}", ltr(&id), ltr(purpose), ltr(&a), ltr(&b)),
        format!("{id}: {purpose} does not allow {a} to be joined with {b}"),
    )
}

/// C02, one that is right.
pub(super) fn valid(id: &str, reference: &str, until: impl Display) -> Text {
    Text::new(
        format!("{id} : {reference}, valable jusqu'au {until}"),
        format!("{}: {}، صالح إلى غاية {}", ltr(id), ltr(reference), ltr(&until)),
        format!("{id}: {reference}, valid to {until}"),
    )
}

/// C02, those that are not.
pub(super) fn invalid(ids: &[String]) -> Text {
    let ids = ids.join(", ");
    Text::new(
        format!("expirée, pas encore valable, ou pas pour ces destinataires : {ids}"),
        format!("منتهي الصلاحية أو لم يسر بعد أو ليس لهذه الجهات المستفيدة: {}", ltr(&ids)),
        format!("expired, not yet valid, or not for these recipients: {ids}"),
    )
}

/// C04.
pub(super) fn units(private: usize, exact: usize) -> Text {
    Text::new(
        format!(
            "{private} statistique(s) bornée(s) par personne sur toutes ses lignes ; {exact} sur des organisations, sans personnes"
        ),
        format!("إحصاءات محدودة لكل شخص عبر جميع صفوفه: {private}؛ إحصاءات عن منظمات دون أشخاص: {exact}"),
        format!(
            "{private} statistic(s) bounded by person over all rows; {exact} of organisations, without persons"
        ),
    )
}

/// C05, nothing to weigh.
pub(super) fn no_constant() -> Text {
    Text::new("aucune constante n'est nécessaire", "لا حاجة إلى أي ثابت", "no constant is needed")
}

/// C05, one constant with its source, which is written in one language alone.
pub(super) fn constant(id: impl Display, constant: &str, source: Option<&str>) -> Text {
    let [fr, ar, en] = match source {
        Some(source) => [source.to_owned(), ltr(source), source.to_owned()],
        None => ["sans source", "دون مصدر", "no source"].map(str::to_owned),
    };
    Text::new(
        format!("{id} : {constant} ({fr})"),
        format!("{} ({ar})", ltr(format!("{id}: {constant}"))),
        format!("{id}: {constant} ({en})"),
    )
}

/// C06: the price, what it lets anyone guess, and the scopes.
pub(super) fn cost(price: &str, percent: impl Display, scopes: &[ScopeAfter]) -> Text {
    let (comma, percent) = (price.replace('.', ","), percent.to_string());
    let comma_percent = percent.replace('.', ",");
    let sentence = Text::new(
        format!(
            "{comma} ; à partir d'une chance sur deux, nul ne devine mieux que {comma_percent} fois sur 100 si une personne figure dans les données"
        ),
        format!(
            "{}؛ انطلاقا من تكافؤ الاحتمالين، لا يستطيع أحد أن يخمن وجود شخص في البيانات بأفضل من {comma_percent} %",
            ltr(&comma)
        ),
        format!(
            "{price}; from even odds nobody can guess better than {percent} % whether a person is in the data"
        ),
    );
    joined([sentence].into_iter().chain(scopes.iter().map(scope)))
}

/// `lifetime: 0.1 → 0.2 (cap 1)`
fn scope(scope: &ScopeAfter) -> Text {
    let (name, used, after) = (&scope.scope, decimal(scope.used), decimal(scope.after));
    let comma = |number: &str| number.replace('.', ",");
    let cap = scope.cap.map(decimal);
    let [fr, ar, en] = match &cap {
        Some(cap) => {
            [format!("plafond {}", comma(cap)), format!("السقف {}", comma(cap)), format!("cap {cap}")]
        }
        None => ["sans plafond", "دون سقف", "no cap"].map(str::to_owned),
    };
    Text::new(
        format!("{name} : {} → {} ({fr})", comma(&used), comma(&after)),
        format!("{} ({ar})", ltr(format!("{name}: {} → {}", comma(&used), comma(&after)))),
        format!("{name}: {used} → {after} ({en})"),
    )
}

/// C07: what draws the noise, and what this build found of itself.
pub(super) fn mechanism(named: &str, residuals: &[&str], audit: &Text) -> Text {
    let on = residuals.join(", ");
    let [fr, ar, en] = if residuals.is_empty() {
        [String::new(), String::new(), String::new()]
    } else {
        [
            format!(", sur les résidus de {on}"),
            format!("، على بواقي {}", ltr(&on)),
            format!(", on the residuals of {on}"),
        ]
    };
    let library = format!("OpenDP 0.16, marsad {}", env!("CARGO_PKG_VERSION"));
    Text::new(
        format!("{named}{fr}, {library} ; {}", audit.fr),
        format!("{}{ar}، {}؛ {}", ltr(named), ltr(&library), audit.ar),
        format!("{named}{en}, {library}; {}", audit.en),
    )
}

/// C07, nothing is known.
pub(super) fn not_audited() -> Text {
    Text::new(
        "cette version ne s'est pas encore auditée ici : lancez `marsad audit`",
        "لم تدقق هذه النسخة نفسها هنا بعد: شغّل الأمر marsad audit",
        "this build has not audited itself here: run `marsad audit`",
    )
}

/// C08.
pub(super) fn domain(cells: usize) -> Text {
    Text::new(
        format!(
            "{cells} cases : produit des nomenclatures déclarées et des périodes nommées, zéros mesurés aussi"
        ),
        format!("عدد الخانات: {cells}، وهي جداء قوائم الرموز المعلنة والفترات المذكورة، وتُقاس الأصفار أيضا"),
        format!("{cells} cells: the product of declared code lists and listed periods, zeros measured too"),
    )
}

/// C09.
pub(super) fn widest(table: &Forecast, all: &[Forecast]) -> Text {
    let Forecast { dataflow, margin, reliable_from, usable_from, .. } = table;
    let (by, comma) = (table.dimensions.join(", "), margin.replace('.', ","));
    let margins = Text::new(
        format!(
            "la plus large : {dataflow} par {by}, ± {comma} ; une case se lit A dès {reliable_from}, U dès {usable_from}"
        ),
        format!(
            "الأوسع: {} حسب {}، {}؛ تُقرأ الخانة A ابتداء من {reliable_from} وU ابتداء من {usable_from}",
            ltr(dataflow),
            ltr(&by),
            ltr(format!("± {comma}"))
        ),
        format!(
            "widest: {dataflow} by {by}, ± {margin}; a cell reads A from {reliable_from}, U from {usable_from}"
        ),
    );
    joined([margins, hidden(all)])
}

/// How many cells will likely not be shown, as far as public or planned figures tell.
fn hidden(tables: &[Forecast]) -> Text {
    let known: Vec<_> =
        tables.iter().filter_map(|table| Some((table.cells, table.expected.as_ref()?))).collect();
    if known.is_empty() {
        return Text::new(
            "ni chiffre publié ni chiffre de planification ne dit combien de cases se liront Q",
            "لا رقم منشور ولا رقم تخطيطي يبين عدد الخانات التي ستُقرأ Q",
            "no released and no planning figure tells how many cells will read Q",
        );
    }
    let cells: u64 = known.iter().map(|(cells, _)| cells).sum();
    let hidden: u64 = known.iter().map(|(_, expected)| expected.hidden).sum();
    let planned = known.iter().filter(|(_, expected)| expected.planning.is_some()).count();
    let (n, of) = (known.len(), tables.len());
    Text::new(
        format!(
            "aux chiffres publiés ou de planification ({planned} tableau(x)), {hidden} cases sur {cells} se liront Q dans {n} tableaux sur {of}"
        ),
        format!(
            "وفق الأرقام المنشورة أو التخطيطية (جداول التخطيط: {planned}) ستُقرأ {hidden} من أصل {cells} خانة Q في {n} من أصل {of} جدولا"
        ),
        format!(
            "at released or planning figures ({planned} table(s)) {hidden} of {cells} cells will read Q, in {n} of {of} tables"
        ),
    )
}

/// C09, nothing private.
pub(super) fn no_noise() -> Text {
    Text::new("pas de bruit : organisations seulement", "لا تشويش: منظمات فقط", "no noise: organisations only")
}

/// C11, one table that depends on a region.
pub(super) fn by_region(id: impl Display) -> Text {
    Text::new(
        format!("{id} : un tableau qui dépend de la région"),
        format!("{}: جدول يتوقف على الجهة", ltr(&id)),
        format!("{id}: a table that depends on the region"),
    )
}

/// C11, one that depends on less than a year.
pub(super) fn by_quarter(id: impl Display) -> Text {
    Text::new(
        format!("{id} : un tableau qui dépend du trimestre ou du mois"),
        format!("{}: جدول يتوقف على الفصل أو الشهر", ltr(&id)),
        format!("{id}: a table that depends on the quarter or the month"),
    )
}

/// C11, one that depends on less than a quarter.
pub(super) fn by_month(id: impl Display) -> Text {
    Text::new(
        format!("{id} : un tableau qui dépend du mois"),
        format!("{}: جدول يتوقف على الشهر", ltr(&id)),
        format!("{id}: a table that depends on the month"),
    )
}

/// C11, none is.
pub(super) fn coarse() -> Text {
    Text::new(
        "par ce que lit la requête, aucun tableau n'est plus fin que ne le permettent types d'enregistrements, statistiques et politique",
        "بحسب ما يقرؤه الاستعلام، لا يوجد جدول أدق مما تسمح به أنواع السجلات والإحصاءات والسياسة",
        "by what its statement reads, no table is finer than record types, statistics and policy allow",
    )
}

/// C12, one table that is not national and annual.
pub(super) fn children(id: impl Display) -> Text {
    Text::new(
        format!(
            "{id} : un tableau sur des enfants ou des victimes qui dépend de la région, de la nationalité, du trimestre ou du mois"
        ),
        format!("{}: جدول عن أطفال أو ضحايا يتوقف على الجهة أو الجنسية أو الفصل أو الشهر", ltr(&id)),
        format!(
            "{id}: a table about children or victims that depends on region, nationality, quarter or month"
        ),
    )
}

/// C12, all are.
pub(super) fn no_children() -> Text {
    Text::new(
        "aucun tableau sur la protection de l'enfance ou la traite au-dessous du niveau national et annuel",
        "لا يوجد جدول عن حماية الطفولة أو الاتجار دون المستوى الوطني والسنوي",
        "no child-protection or trafficking table below national and annual",
    )
}

/// C13.
pub(super) fn overlaps(again: &[Overlap], differences: &[Difference]) -> Text {
    let cells = again.iter().map(|o| {
        let (n, flow, release) = (o.cells, &o.dataflow, &o.release);
        Text::new(
            format!("{n} cases de {flow} dans {release}"),
            format!("{n} خانة من {} في {}", ltr(flow), ltr(release)),
            format!("{n} cells of {flow} in {release}"),
        )
    });
    let again = if again.is_empty() {
        Text::new(
            "aucune publication antérieure n'estime ces cases",
            "لا يقدّر أي إصدار سابق هذه الخانات",
            "no earlier release estimates these cells",
        )
    } else {
        let Text { fr, ar, en } = joined(cells);
        Text::new(
            format!("estimées de nouveau : {fr}"),
            format!("تُقدَّر مرة أخرى: {ar}"),
            format!("estimated again: {en}"),
        )
    };
    joined([again, sharpest(differences)])
}

fn sharpest(differences: &[Difference]) -> Text {
    let Some(one) = differences.first() else {
        return Text::new(
            "aucune case publiée ne diffère d'une nouvelle par un groupe",
            "لا توجد خانة منشورة تختلف عن خانة جديدة بمجموعة ما",
            "no published cell differs from a new one by a group",
        );
    };
    let (n, flow, earlier, release, margin) =
        (differences.len(), &one.dataflow, &one.earlier, &one.release, &one.margin);
    let Text { fr, ar, en } = one.remains_in_words();
    let comma = margin.replace('.', ",");
    Text::new(
        format!(
            "la plus nette de {n} différence(s) : {flow} moins {earlier} de {release} laisse {fr}, ± {comma}"
        ),
        format!(
            "أدق الفروق، وعددها {n}: {} ناقص {} من {} يترك {ar}، {}",
            ltr(flow),
            ltr(earlier),
            ltr(release),
            ltr(format!("± {comma}"))
        ),
        format!(
            "the sharpest of {n} difference(s): {flow} less {earlier} of {release} leaves {en}, ± {margin}"
        ),
    )
}

/// C16.
pub(super) fn languages(missing: usize) -> Text {
    Text::new(
        format!("{missing} texte(s) sans l'une des langues ; un lecteur de chaque langue regarde la page"),
        format!("عدد النصوص التي تنقصها لغة: {missing}؛ يطّلع قارئ من كل لغة على الصفحة"),
        format!("{missing} text(s) lack a language; a reader of each language looks at the rendered page"),
    )
}

/// C20.
pub(super) fn publication(embargo: &str, contact: &str, recipients: &[String]) -> Text {
    let recipients = recipients.join(", ");
    Text::new(
        format!(
            "embargo {embargo}, CC BY 4.0, contact {contact}, destinataires {recipients} ; chacun reçoit les mêmes octets"
        ),
        format!(
            "حظر النشر حتى {}، {}، جهة الاتصال {}، الجهات المستفيدة {}؛ يتلقى الجميع البايتات نفسها",
            ltr(embargo),
            ltr("CC BY 4.0"),
            ltr(contact),
            ltr(&recipients)
        ),
        format!(
            "embargo {embargo}, CC BY 4.0, contact {contact}, recipients {recipients}; everyone gets the same bytes"
        ),
    )
}

/// Several, one after the other.
pub(super) fn joined(texts: impl IntoIterator<Item = Text>) -> Text {
    let texts: Vec<Text> = texts.into_iter().collect();
    let all = |get: fn(&Text) -> &str, between: &str| texts.iter().map(get).collect::<Vec<_>>().join(between);
    Text::new(all(|text| &text.fr, " ; "), all(|text| &text.ar, "؛ "), all(|text| &text.en, "; "))
}

/// Kept from left to right within Arabic: U+2066 and U+2069 of the bidirectional algorithm (UAX #9).
fn ltr(text: impl Display) -> String {
    format!("\u{2066}{text}\u{2069}")
}
