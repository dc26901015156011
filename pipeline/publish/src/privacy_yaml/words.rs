//! Plain words on the guarantee in three languages: bounds, and what e^ε, δ and the guess bounds mean.
//!
//! They never promise more than the numbers: neither "anonymous" nor "almost nothing" (publication 4). It deliberately
//! lacks thousands marks, so that every number in them reads back.

use marsad_privacy::shape::Bound;
use marsad_terms::Text;

use crate::dataflow::{Noise, Protection, Reduced};
use crate::edition::Edition;
use crate::form::{self, isolated};

/// The numbers of the sentence, as one language writes them.
struct Numbers {
    factor: Option<String>,
    epsilon: String,
    delta: String,
    /// Of this release, of all releases.
    membership: [String; 2],
    attribute: [String; 2],
}

impl Numbers {
    fn new(edition: &Edition, mark: &str) -> Self {
        let number = |value: f64| form::shortest(value).replace('.', mark);
        let odds = edition.odds();
        Self {
            factor: edition.factor().map(number),
            epsilon: number(edition.epsilon()),
            delta: number(edition.delta),
            membership: odds.map(|odds| number(odds.membership)),
            attribute: odds.map(|odds| number(odds.attribute)),
        }
    }
}

/// The sentence on one release and on all of them.
pub(crate) fn plain(edition: &Edition) -> Text {
    let (comma, point) = (Numbers::new(edition, ","), Numbers::new(edition, "."));
    Text { fr: french(&comma), ar: arabic(&comma), en: english(&point) }
}

fn french(Numbers { factor, epsilon, delta, membership, attribute }: &Numbers) -> String {
    let factor = factor.as_ref().map_or_else(
        || "le rapport des probabilités n'a pas de borne utile".to_owned(),
        |factor| {
            format!("aucun résultat de cette publication n'en devient plus de {factor} fois plus probable")
        },
    );
    format!(
        "Que les données d'une personne y soient ou non, {factor}, sauf avec une probabilité d'au plus {delta} (ε = \
         {epsilon} ; δ = {delta}). Qui devine, à pile ou face, si une personne y figure a raison au mieux {} fois sur 100 \
         (toutes publications ensemble : {}) ; qui devine entre deux valeurs d'une de ses caractéristiques, région ou \
         sexe, au mieux {} fois (toutes : {}).",
        membership[0], membership[1], attribute[0], attribute[1]
    )
}

fn arabic(Numbers { factor, epsilon, delta, membership, attribute }: &Numbers) -> String {
    let factor = factor.as_ref().map_or_else(
        || "لا يوجد حد مفيد لنسبة الاحتمالات".to_owned(),
        |factor| format!("لا يصبح أي ناتج أكثر احتمالا بما يزيد على {factor} مرة"),
    );
    let (epsilon, delta_is) = (isolated(format!("ε = {epsilon}")), isolated(format!("δ = {delta}")));
    format!(
        "سواء كانت بيانات شخص ما ضمن هذا الإصدار أم لا، {factor}، إلا باحتمال لا يتجاوز {delta} ({epsilon}؛ {delta_is}). من يخمن، كمن يرمي قطعة نقدية، هل يوجد شخص في البيانات يصيب على الأكثر {} مرة من كل 100 (جميع \
         الإصدارات معا: {})؛ ومن يخمن بين قيمتين لإحدى خصائصه، كالجهة أو الجنس، {} مرة على الأكثر (جميعها: {}).",
        membership[0], membership[1], attribute[0], attribute[1]
    )
}

fn english(Numbers { factor, epsilon, delta, membership, attribute }: &Numbers) -> String {
    let factor = factor.as_ref().map_or_else(
        || "there is no useful bound on the ratio of probabilities".to_owned(),
        |factor| format!("no outcome of this release becomes more than {factor} times as likely"),
    );
    format!(
        "Whether or not a person's data are in it, {factor}, but with probability at most {delta} (ε = {epsilon}; δ = \
         {delta}). From even odds, whoever guesses whether a person is in the data is right at most {} times in 100 \
         (all releases together: {}); whoever guesses between two values of a person's attribute, region or sex, at most \
         {} times (all: {}).",
        membership[0], membership[1], attribute[0], attribute[1]
    )
}

/// The privacy unit.
pub(crate) fn unit() -> Text {
    Text {
        fr: "Une personne : toutes ses lignes, dans toutes les tables du programme".into(),
        ar: "شخص واحد: جميع سجلاته في جميع جداول البرنامج".into(),
        en: "One person: all their rows, in all tables of the programme".into(),
    }
}

/// What is measured where residuals are.
pub(crate) fn residuals() -> Text {
    Text {
        fr: "ce ne sont pas les tables qui ont été mesurées, mais ce que chacune ajoute à ses totaux ; les estimations en sont \
             composées, et la colonne raw reste vide"
            .into(),
        ar: "لم تقس الجداول نفسها، بل ما يضيفه كل جدول إلى مجاميعه؛ ومنها تركب التقديرات، ويبقى العمود raw فارغا".into(),
        en: "what was measured is not the tables but what each adds to its totals; estimates are made of these, and the column \
             raw is empty"
            .into(),
    }
}

/// How a person's contribution is bounded.
pub(crate) fn bounding(protection: &Protection) -> Text {
    match protection {
        Protection::Exact(_) => Text::new(
            "activités d'organisations : aucune personne du programme",
            "أنشطة منظمات: لا تشمل أي شخص من البرنامج",
            "activities of organisations: no person of the programme",
        ),
        Protection::Derived(_) => Text::new(
            "calculé à partir de chiffres publiés, sans coût supplémentaire",
            "محسوب من أرقام منشورة، دون كلفة إضافية",
            "computed from published figures, at no further cost",
        ),
        Protection::Combined(_) => Text::new(
            "estimé à partir des mesures bruitées de plusieurs publications, sans coût supplémentaire",
            "مقدر من القياسات المشوشة لعدة إصدارات، دون كلفة إضافية",
            "estimated from the noisy measurements of several releases, at no further cost",
        ),
        Protection::Noise(noise) => by_mode(noise),
    }
}

/// What the bound makes of the figures: which are smaller than the true number. `None` where none is.
pub(crate) fn reduced(noise: &Noise) -> Option<Text> {
    match &noise.reduced {
        Reduced::None => None,
        Reduced::All => Some(Text::new(
            "Après plafonnement : les plus grandes contributions d'une même personne sont réduites pour la protéger, et le vrai total \
             est plus grand, d'une part que l'intervalle ne dit pas.",
            "بعد تطبيق السقف: تُخفَّض أكبر مساهمات الشخص الواحد حماية له، والمجموع الحقيقي أكبر بقدر لا يبينه المجال.",
            "After capping: the largest contributions of one person are reduced to protect that person, and the true total is larger, \
             by a part that the interval does not tell.",
        )),
        Reduced::By(several) if several.is_empty() => None,
        Reduced::By(_) => Some(Text::new(
            "Là où une personne peut être dans plusieurs catégories, un nombre limité d'entre elles compte : ces chiffres sont des \
             minimums, leurs totaux non.",
            "حيث يمكن أن يكون الشخص في عدة فئات، لا يُحتسب إلا في عدد محدود منها: هذه الأرقام حد أدنى، أما مجاميعها فلا.",
            "Where a person can be in several categories, a limited number of them counts: those figures are minimums, their totals are \
             not.",
        )),
    }
}

/// A number of things in Arabic, for a limit: one, two, three to ten, more.
fn arabic_number(n: u32, [one, two, few, many]: [&str; 4]) -> String {
    match n {
        1 => one.to_owned(),
        2 => two.to_owned(),
        3..=10 => format!("{n} {few}"),
        _ => format!("{n} {many}"),
    }
}

fn by_mode(noise: &Noise) -> Text {
    match &noise.bound {
        Bound::HomeCell => Text {
            fr: "chaque personne compte au plus une fois par période, dans une seule case de chaque table".into(),
            ar: "يحتسب كل شخص مرة واحدة على الأكثر في كل فترة، في خانة واحدة من كل جدول".into(),
            en: "each person counts at most once a period, in one cell of each table".into(),
        },
        Bound::First { .. } => Text {
            fr: "chaque personne compte une seule fois dans toute la série, à la période et dans la case de son entrée ; \
                 payé à l'ouverture de la série"
                .into(),
            ar: "يحتسب كل شخص مرة واحدة في السلسلة كلها، في فترة دخوله وخانته؛ سُددت الكلفة عند فتح السلسلة".into(),
            en: "each person counts once in the whole series, in the period and cell of entry; paid when the series was opened"
                .into(),
        },
        Bound::Truncate { k, .. } if matches!(noise.reduced, Reduced::By(_)) => {
            let several = ["توليفة واحدة", "توليفتين مختلفتين", "توليفات مختلفة", "توليفة مختلفة"];
            Text {
                fr: format!(
                    "chaque personne compte, par période, dans {k} combinaison(s) différente(s) de catégories au plus, dans une \
                     au moins"
                ),
                ar: format!(
                    "لا يحتسب الشخص في كل فترة في أكثر من {} من الفئات، ولا في أقل من واحدة",
                    arabic_number(*k, several)
                ),
                en: format!(
                    "each person counts, in each period, in at most {k} different combination(s) of categories, and in one at least"
                ),
            }
        }
        Bound::Truncate { k, .. } => Text {
            fr: format!("au plus {k} enregistrement(s) par personne et par période sont comptés"),
            ar: format!(
                "لا يحتسب لكل شخص في كل فترة أكثر من {}",
                arabic_number(*k, ["سجل واحد", "سجلين", "سجلات", "سجلا"])
            ),
            en: format!("at most {k} record(s) are counted for each person in each period"),
        },
        Bound::NormClip { c_squared, .. } => Text {
            fr: format!(
                "les contributions d'une personne, chacune multipliée par la précision b de sa table, sont réduites toutes d'un \
                 même facteur dès que la somme de leurs carrés dans toutes les tables dépasse {c_squared}"
            ),
            ar: format!(
                "تُضرب كل مساهمة للشخص في دقة جدولها b، وتخفض كلها بالمعامل نفسه إذا تجاوز مجموع مربعاتها في كل الجداول {c_squared}"
            ),
            en: format!(
                "a person's contributions, each times the precision b of its table, are all scaled down by one factor once the \
                 sum of their squares over all tables passes {c_squared}"
            ),
        },
    }
}
