//! The fixed words of the report in three languages. What names a person, a place or a figure comes from the catalogue.

use marsad_terms::Language;

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) language: &'static str,
    pub(crate) release: &'static str,
    pub(crate) published: &'static str,
    pub(crate) contents: &'static str,
    pub(crate) know: &'static str,
    pub(crate) know_who: &'static str,
    pub(crate) know_noise: &'static str,
    pub(crate) know_caps: &'static str,
    pub(crate) know_marks: &'static str,
    pub(crate) know_differences: &'static str,
    pub(crate) know_place: &'static str,
    pub(crate) coverage: &'static str,
    pub(crate) contact: &'static str,
    pub(crate) key_figures: &'static str,
    pub(crate) as_of: &'static str,
    pub(crate) indicator: &'static str,
    pub(crate) reached: &'static str,
    pub(crate) target: &'static str,
    pub(crate) share: &'static str,
    pub(crate) distinct: &'static str,
    pub(crate) not_here: &'static str,
    pub(crate) estimate_margin: &'static str,
    pub(crate) interval: &'static str,
    pub(crate) trend: &'static str,
    pub(crate) map: &'static str,
    pub(crate) map_note: &'static str,
    pub(crate) outside: &'static str,
    pub(crate) more_in_files: &'static str,
    pub(crate) too_uncertain: &'static str,
    pub(crate) cannot_exist: &'static str,
    pub(crate) less_reliable: &'static str,
    pub(crate) exact: &'static str,
    pub(crate) declared: &'static str,
    pub(crate) capped: &'static str,
    pub(crate) counted: &'static str,
    pub(crate) left_out: &'static str,
    pub(crate) left_out_persons: &'static str,
    pub(crate) left_out_contributions: &'static str,
    pub(crate) how_to_read: &'static str,
    pub(crate) read_margin: &'static str,
    pub(crate) read_interval: &'static str,
    pub(crate) read_flags: &'static str,
    pub(crate) read_selection: &'static str,
    pub(crate) read_sums: &'static str,
    pub(crate) privacy: &'static str,
    pub(crate) cost: &'static str,
    pub(crate) of_series: &'static str,
    pub(crate) left: &'static str,
    pub(crate) not_protected: &'static str,
    pub(crate) licence: &'static str,
    pub(crate) licence_name: &'static str,
    pub(crate) cite: &'static str,
    pub(crate) check: &'static str,
    pub(crate) check_how: &'static str,
}

/// The words of a language.
pub(crate) fn of(language: Language) -> &'static Words {
    match language {
        Language::Fr => &FRENCH,
        Language::Ar => &ARABIC,
        Language::En => &ENGLISH,
    }
}

const FRENCH: Words = Words {
    language: "Français",
    release: "Publication",
    published: "publiée le",
    contents: "Sommaire",
    know: "À savoir",
    know_who: "Seules sont comptées les personnes qui ont consenti aux statistiques : un nombre, et sa part d'une cible, est un minimum \
               de ce que le programme a fait.",
    know_noise: "Chaque chiffre sur des personnes est une estimation : on y a ajouté ou retiré un petit nombre tiré au hasard. \
                 La marge de protection (±) dit de combien : le vrai nombre est dans l'intervalle 95 fois sur 100.",
    know_caps: "Là où il est écrit « après plafonnement », le plus grand nombre de services, de besoins ou de catégories d'une même personne est réduit \
                pour la protéger : le vrai total est plus grand, d'une part que l'intervalle ne dit pas. Deux tableaux plafonnés \
                différemment ne se comparent pas.",
    know_marks: "« ~ » : fiabilité réduite. « Trop incertain » : seul l'intervalle est donné, aucun là où \
                 le dénominateur d'un taux est lui-même trop incertain. « — » : la case ne peut pas exister.",
    know_differences: "Un écart plus petit que les marges n'est pas un changement constaté.",
    know_place: "« Maroc » veut dire le programme au Maroc, jamais la population du pays.",
    coverage: "Données couvertes",
    contact: "Contact",
    key_figures: "Chiffres clés : indicateurs et cibles",
    as_of: "Cumul depuis le début du programme, à la fin de :",
    indicator: "Indicateur",
    reached: "Atteint",
    target: "Cible",
    share: "Part de la cible",
    distinct: "personnes distinctes, à côté de l'indicateur qui additionne ses composantes",
    not_here: "Sans chiffre dans cette publication, faute de toutes ses sources :",
    estimate_margin: "Valeur ± marge",
    interval: "Intervalle à 95 %",
    trend: "Évolution",
    map: "Carte en tuiles des régions",
    map_note: "Une tuile par région, à sa place approximative ; aucune frontière n'est dessinée. Plus foncé : valeur plus grande ; une même teinte \
               où l'écart n'est pas établi.",
    outside: "hors programme, compté dans « Autre région »",
    more_in_files: "Toutes les cases sont dans",
    too_uncertain: "trop incertain",
    cannot_exist: "ne peut pas exister",
    less_reliable: "fiabilité réduite",
    exact: "exact",
    declared: "participations déclarées, additionnées sur les activités",
    capped: "après plafonnement, un minimum",
    counted: "Ce qui compte",
    left_out: "Les chiffres s'entendent après cette borne, qui a laissé de côté",
    left_out_persons: "personnes touchées",
    left_out_contributions: "contributions, au moins",
    how_to_read: "Comment lire",
    read_margin: "« 251 ± 17 » : l'estimation la plus cohérente est 251 et le vrai nombre de personnes comptées se trouve, 95 fois \
                  sur 100, entre 234 et 268. La marge vient de la protection des personnes, pas d'un échantillon ; les personnes \
                  que le programme n'a pas atteintes n'y sont pas. « 209 (175–218) » : la valeur qui s'accorde avec les autres n'est pas au \
                  milieu de l'intervalle, donné à la place de la marge.",
    read_interval: "Dans les graphiques, le point est l'estimation, le trait épais contient le vrai nombre une fois sur deux, le \
                    trait fin 95 fois sur 100.",
    read_flags: "Fiable (A) : marge d'au plus 20 % de l'estimation. Fiabilité réduite (U, « ~ ») : d'au plus 50 %. Au-delà (Q), la \
                 valeur n'est pas montrée : c'est un service au lecteur, pas une protection. Les chiffres exacts portent sur des \
                 organisations.",
    read_selection: "Sur 100 cases, 95 en moyenne contiennent le vrai nombre, et non toutes à la fois ; parmi les seules cases montrées, \
                     un peu moins peuvent le contenir.",
    read_sums: "Les valeurs entières s'additionnent dans chaque table, sauf les taux, et sauf sur des catégories dont une même personne \
                peut avoir plusieurs. Pour d'autres sommes, différences ou parts, partir de la \
                colonne « estimate » des fichiers : une estimation négative n'y est pas une erreur.",
    privacy: "Protection des personnes",
    cost: "Coût de cette publication",
    of_series: "dont séries de premières fois, payées une fois pour toutes",
    left: "reste du budget de toute la durée",
    not_protected: "Ne sont pas protégés : l'existence du programme et de ses fichiers, les dates des publications, et les chiffres \
                    d'activité des organisations.",
    licence: "Licence et citation",
    licence_name: "Creative Commons Attribution 4.0 International (CC BY 4.0).",
    cite: "Citer ainsi :",
    check: "Vérifier",
    check_how: "La publication est signée. Avec la clé publique du programme :",
};

const ARABIC: Words = Words {
    language: "العربية",
    release: "الإصدار",
    published: "نُشر في",
    contents: "المحتويات",
    know: "ما ينبغي معرفته",
    know_who: "لا يُحتسب إلا من وافقوا على الإحصاءات: فكل عدد، ونسبته من الهدف، حد أدنى لما أنجزه البرنامج.",
    know_noise: "كل رقم عن الأشخاص تقدير: أُضيف إليه أو طُرح منه عدد صغير عشوائي. يبين هامش الحماية (±) مقدار ذلك: يقع العدد الحقيقي \
                 داخل المجال 95 مرة من 100.",
    know_caps: "حيث كُتب «بعد تطبيق السقف» يُخفَّض أكبر عدد من الخدمات أو الاحتياجات أو الفئات للشخص الواحد حمايةً له: المجموع الحقيقي أكبر، بقدر لا يبينه \
                المجال. ولا يُقارن جدولان اختلف سقفهما.",
    know_marks: "«~»: موثوقية منخفضة. «غير مؤكد»: يُعطى المجال وحده، ولا مجال إذا كان مقام النسبة نفسه غير مؤكد. «—»: خانة لا يمكن أن توجد.",
    know_differences: "الفرق الأصغر من الهوامش ليس تغيرا مثبتا.",
    know_place: "«المغرب» تعني البرنامج في المغرب، وليس سكان البلد.",
    coverage: "البيانات المشمولة",
    contact: "للاتصال",
    key_figures: "أرقام أساسية: المؤشرات والأهداف",
    as_of: "تراكمي منذ بداية البرنامج، إلى نهاية:",
    indicator: "المؤشر",
    reached: "المحقق",
    target: "الهدف",
    share: "نسبة الهدف",
    distinct: "أشخاص مختلفون، إلى جانب المؤشر الذي يجمع مكوناته",
    not_here: "دون رقم في هذا الإصدار لعدم توفر جميع مصادره:",
    estimate_margin: "القيمة ± الهامش",
    interval: "مجال 95 %",
    trend: "التطور",
    map: "خريطة الجهات بالمربعات",
    map_note: "مربع لكل جهة في مكانها التقريبي، دون رسم أي حدود. الأغمق: قيمة أكبر؛ ولون واحد حيث لا يثبت الفرق.",
    outside: "خارج البرنامج، محتسبة ضمن «جهة أخرى»",
    more_in_files: "جميع الخانات موجودة في",
    too_uncertain: "غير مؤكد",
    cannot_exist: "لا يمكن أن توجد",
    less_reliable: "موثوقية منخفضة",
    exact: "دقيق",
    declared: "مشاركات مصرح بها، مجموعة على الأنشطة",
    capped: "بعد تطبيق السقف، حد أدنى",
    counted: "ما يُحتسب",
    left_out: "الأرقام بعد تطبيق هذا السقف، وقد ترك خارج الحساب",
    left_out_persons: "عدد الأشخاص المعنيين",
    left_out_contributions: "عدد المساهمات، على الأقل",
    how_to_read: "كيفية القراءة",
    read_margin: "«\u{2066}251 ± 17\u{2069}»: التقدير هو 251، والعدد الحقيقي للأشخاص المحتسبين يقع 95 مرة من 100 بين 234 و268. الهامش ناتج عن حماية \
                  الأشخاص لا عن عينة؛ ومن لم يصلهم البرنامج غير مشمولين. «\u{2066}209 (175–218)\u{2069}»: القيمة المتوافقة مع غيرها ليست في وسط المجال، فيُعطى المجال بدل الهامش.",
    read_interval: "في الرسوم: النقطة هي التقدير، والخط السميك يضم العدد الحقيقي مرة من اثنتين، والخط الرفيع 95 مرة من 100.",
    read_flags: "موثوق (A): الهامش لا يتجاوز 20 % من التقدير. موثوقية منخفضة (U، «~»): لا يتجاوز 50 %. وما فوق ذلك (Q) لا تُعرض \
                 قيمته: وذلك خدمة للقارئ وليس حماية. الأرقام الدقيقة تخص المنظمات.",
    read_selection: "من كل 100 خانة، تضم 95 خانة في المتوسط العدد الحقيقي، لا جميعها في آن واحد؛ ومن بين الخانات المعروضة وحدها قد تكون النسبة أقل \
                     قليلا.",
    read_sums: "تُجمع القيم الصحيحة داخل كل جدول، إلا النسب، وإلا على فئات قد يكون الشخص الواحد في عدة منها. ولغير ذلك من المجاميع أو الفروق أو النسب، انطلق من العمود «estimate» في الملفات: التقدير \
                السالب فيه ليس خطأ.",
    privacy: "حماية الأشخاص",
    cost: "كلفة هذا الإصدار",
    of_series: "منها سلاسل المرة الأولى، وتُدفع مرة واحدة",
    left: "المتبقي من ميزانية المدة كلها",
    not_protected: "ما لا تشمله الحماية: وجود البرنامج وملفاته، وتواريخ الإصدارات، وأرقام أنشطة المنظمات.",
    licence: "الترخيص والاستشهاد",
    licence_name: "المشاع الإبداعي، النسبة 4.0 دولي (CC BY 4.0).",
    cite: "يُستشهد به هكذا:",
    check: "التحقق",
    check_how: "الإصدار موقع. بالمفتاح العمومي للبرنامج:",
};

const ENGLISH: Words = Words {
    language: "English",
    release: "Release",
    published: "published",
    contents: "Contents",
    know: "What to know",
    know_who: "Only persons who consented to statistics are counted: a number, and its share of a target, is a minimum of what the \
               programme did.",
    know_noise: "Each figure about persons is an estimate: a small random number was added to it or taken from it. The protection \
                 margin (±) says how much: the true number is within the interval 95 times in 100.",
    know_caps: "Where it says \"after capping\", the greatest numbers of services, needs or categories of one person are reduced to protect that \
                person: the true total is larger, by a part that the interval does not tell. Two tables that are capped \
                differently do not compare.",
    know_marks: "\"~\": low reliability. \"Too uncertain\": only the interval is given, and none where a rate's \
                 denominator is itself too uncertain. \"—\": the cell cannot exist.",
    know_differences: "A difference smaller than the margins is no established change.",
    know_place: "\"Morocco\" means the programme in Morocco, never the country's population.",
    coverage: "Data covered",
    contact: "Contact",
    key_figures: "Key figures: indicators and targets",
    as_of: "Since the programme began, at the end of:",
    indicator: "Indicator",
    reached: "Reached",
    target: "Target",
    share: "Share of the target",
    distinct: "distinct persons, beside the indicator that adds up its components",
    not_here: "Without a figure in this release, as not all of its sources are in it:",
    estimate_margin: "Value ± margin",
    interval: "95% interval",
    trend: "Over time",
    map: "Tile map of the regions",
    map_note: "One tile a region, roughly in its place; no border is drawn. Darker: a larger value; one shade where the difference is \
               not established.",
    outside: "outside the programme, counted in \"Other region\"",
    more_in_files: "All cells are in",
    too_uncertain: "too uncertain",
    cannot_exist: "cannot exist",
    less_reliable: "low reliability",
    exact: "exact",
    declared: "declared attendances, added up over the activities",
    capped: "after capping, a minimum",
    counted: "What counts",
    left_out: "Figures are after this bound, which left out",
    left_out_persons: "persons affected",
    left_out_contributions: "contributions, at least",
    how_to_read: "How to read",
    read_margin: "\"251 ± 17\": the estimate is 251, and the true number of persons counted is between 234 and 268, 95 times in 100. \
                  The margin comes from protecting persons, not from a sample; persons whom the programme did not reach are outside it. \
                  \"209 (175–218)\": the value that agrees with the others is not the middle of the interval, which stands in place of the margin.",
    read_interval: "In the charts the dot is the estimate, the thick line holds the true number one time in two, the thin line 95 times \
                    in 100.",
    read_flags: "Reliable (A): a margin of at most 20% of the estimate. Low reliability (U, \"~\"): at most 50%. Beyond that (Q) the \
                 value is not shown, which serves the reader and protects nobody. Exact figures are about organisations.",
    read_selection: "Of 100 cells, 95 on average hold the true number, not all of them at once; among the shown cells alone, slightly \
                     fewer may.",
    read_sums: "Whole values add up within each table, but for rates, and but for categories of which one person may have several. For other sums, differences or shares start from the column \"estimate\" of the \
                files: a negative estimate there is no mistake.",
    privacy: "Protection of persons",
    cost: "Cost of this release",
    of_series: "of which first-time series, paid once and for all",
    left: "left of the lifetime budget",
    not_protected: "Not protected: that the programme and its files exist, when releases happen, and figures on activities of \
                    organisations.",
    licence: "Licence and citation",
    licence_name: "Creative Commons Attribution 4.0 International (CC BY 4.0).",
    cite: "Cite it as:",
    check: "Verify",
    check_how: "The release is signed. With the programme's public key:",
};

/// The portal's sentence on the guarantee; θ, Θ are the guess bounds of this release and of all.
pub(crate) fn guess(language: Language, this: &str, all: &str) -> String {
    match language {
        Language::Fr => format!(
            "À chaque chiffre on ajoute ou retire un petit nombre tiré au hasard. Qui devine si une personne y figure a raison au \
             mieux {this} fois sur 100 (pile ou face : 50 ; toutes publications : {all}). Le vrai nombre est dans la marge 95 fois \
             sur 100."
        ),
        Language::Ar => format!(
            "يُضاف إلى كل رقم أو يُطرح منه عدد عشوائي صغير. ومن خمّن هل شخص ما محتسب فيه أصاب في أحسن الأحوال {this} مرة من 100 \
             (رمي قطعة نقد: 50؛ كل الإصدارات: {all}). ويقع العدد الحقيقي داخل الهامش 95 مرة من 100."
        ),
        Language::En => format!(
            "A small random number is added to or taken from each figure. A guess whether a person is in it is right at most {this} \
             times in 100 (a coin: 50; all releases: {all}). The true number is within the margin 95 times in 100."
        ),
    }
}
