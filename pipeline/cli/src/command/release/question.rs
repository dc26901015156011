//! What a person judges of a proposal, each answer in words of the approver's own: asked one by one on a terminal, or a file
//! to fill in.
//!
//! Nothing is signed or stored here; whoever stops half-way has decided nothing.

use std::io::{BufRead, Write};

use marsad_ledger::checklist::Item;
use marsad_ledger::proposal::Proposal;
use marsad_terms::{Explanation, Language, Text};

use super::Answers;
use crate::report::Failure;

/// What stewards skip comes first (governance 3).
pub(super) const FIRST: [&str; 2] = ["C06", "C18"];

/// The items that a person judges, in the order in which they are asked.
pub(super) fn all(proposal: &Proposal) -> Vec<&Item> {
    let mut items: Vec<&Item> = proposal.checklist.iter().filter(|item| item.wants_an_answer()).collect();
    items.sort_by_key(|item| !FIRST.contains(&item.id.as_str()));
    items
}

/// The question and its evidence; evidence that begins with the question goes on with it.
fn said(item: &Item, language: Language) -> (String, Option<String>) {
    let (question, evidence) = (asked(&item.id), item.text());
    let (question, evidence) = (question.get(language), evidence.get(language));
    let stem = question.trim_end_matches([' ', '\u{a0}', '?', '؟']);
    if evidence.to_lowercase().starts_with(&stem.to_lowercase()) {
        let rest: String = evidence.chars().skip(stem.chars().count()).collect();
        return (format!("{stem}{rest}"), None);
    }
    (question.to_owned(), Some(evidence.to_owned()))
}

/// A file for `--confirm-file`: each question with its evidence, none answered yet.
pub(super) fn template(proposal: &Proposal, language: Language) -> String {
    let begin = Text::new(
        "Écrivez chaque réponse et ôtez le # devant elle ; ce qui garde son # reste sans réponse. Là où des mots sont demandés, \"\" n'en est pas une.",
        "اكتب كل جواب واحذف العلامة # قبله؛ وما بقيت علامته يبقى بلا جواب. وحيث يُطلب جواب بكلمات لا يكفي \"\".",
        "Write each answer and take away the # before it; what keeps its # is not answered. Where words are asked for, \"\" is no answer.",
    );
    let in_words = Text::new("en mots", "بكلمات", "in words");
    let title = proposal.title.get(language);
    let mut text = format!("# {}: {title}\n# {}\n", proposal.release, begin.get(language));
    for item in all(proposal) {
        let (question, evidence) = said(item, language);
        text += &format!("\n# {question}\n");
        for line in evidence.iter().flat_map(|evidence| evidence.lines()) {
            text += &format!("#   {line}\n");
        }
        let words = match proposal.asks_for_words(&item.id) {
            true => format!("   # {}", in_words.get(language)),
            false => String::new(),
        };
        text += &format!("# {} = \"\"{words}\n", item.id);
    }
    text
}

/// Asks every item that a person judges; an answer that must hold words is asked for until it does.
///
/// # Errors
/// The approver stops: end of input, or `stop`.
pub(super) fn ask(
    proposal: &Proposal,
    language: Language,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<Answers, Failure> {
    let items = all(proposal);
    let n = items.len();
    let _ = writeln!(out, "{}", beginning(n).get(language));
    let mut answers = Answers::new();
    for (number, item) in items.into_iter().enumerate() {
        let (question, evidence) = said(item, language);
        let _ = writeln!(out, "\n[{}/{n}] {}  {question}", number + 1, item.id);
        if let Some(evidence) = evidence {
            let _ = writeln!(out, "  {evidence}");
        }
        let answer = one(proposal, (item, language), input, out)?;
        answers.insert(item.id.clone(), answer);
    }
    Ok(answers)
}

/// What a person is asked (governance 3).
pub(super) fn asked(id: &str) -> Text {
    match id {
        "C05" => Text::new(
            "La source des bornes est-elle vraie ?",
            "هل مصدر الحدود صحيح؟",
            "Is the source of the bounds true?",
        ),
        "C06" => Text::new("Cela vaut-il le coût ?", "هل يستحق ذلك تكلفته؟", "Is it worth the cost?"),
        "C09" => Text::new(
            "Un lecteur serait-il servi par ces marges ?",
            "هل تفيد هذه الهوامش القارئ؟",
            "Would these margins serve a reader?",
        ),
        "C13" => Text::new(
            "La seconde estimation est-elle nécessaire ?",
            "هل التقدير الثاني ضروري؟",
            "Is the second estimate needed?",
        ),
        "C16" => Text::new(
            "Qui a relu la page dans chaque langue ?",
            "من راجع الصفحة بكل لغة؟",
            "Who has read the page in each language?",
        ),
        "C17" => Text::new(
            "Un titre ou une note invite-t-il à une lecture fausse ?",
            "هل يدعو عنوان أو ملاحظة إلى قراءة خاطئة؟",
            "Does a title or note invite a wrong reading?",
        ),
        "C18" => Text::new(
            "Un tableau pourrait-il guider une action contre un groupe ou un lieu ?",
            "هل يمكن أن يوجه جدول عملا ضد مجموعة أو مكان؟",
            "Could a table guide action against a group or a place?",
        ),
        "C19" => Text::new(
            "Deux tableaux ensemble en disent-ils plus sur un petit groupe ?",
            "هل يكشف جدولان معا أكثر عن مجموعة صغيرة؟",
            "Do two tables together say more about a small group?",
        ),
        "C20" => Text::new(
            "Chacun reçoit-il la même chose au même instant ?",
            "هل يتلقى الجميع الشيء نفسه في الوقت نفسه؟",
            "Does everyone get the same at the same instant?",
        ),
        "C22" => Text::new(
            "La période est-elle assez complète ?",
            "هل الفترة مكتملة بما يكفي؟",
            "Is the period complete enough?",
        ),
        "C23" => Text::new(
            "Les demandes des personnes sont-elles traitées, ou pas encore échues ?",
            "هل عولجت طلبات الأشخاص أو لم يحن أجلها بعد؟",
            "Are persons' requests done, or not yet due?",
        ),
        "C25" => Text::new(
            "Qui décide d'un retrait, et qui est informé ?",
            "من يقرر السحب، ومن يُخبَر؟",
            "Who decides on a withdrawal, and who is told?",
        ),
        other => Text::new(other, other, other),
    }
}

fn beginning(n: usize) -> Text {
    Text::new(
        format!(
            "{n} points sont à juger par vous. Répondez en mots, `o` où il n'en faut pas ; `stop` termine sans décision."
        ),
        format!(
            "عدد النقاط التي تحكم فيها أنت: {n}. أجب بكلمات، أو اكتب «نعم» حيث لا حاجة إلى كلمات؛ وتنهي كلمة stop الأمر دون أي قرار."
        ),
        format!(
            "{n} items are yours to judge. Answer in words, `y` where none are needed; `stop` ends without a decision."
        ),
    )
}

/// What to say where an answer does not do.
fn again(wants_words: bool) -> Text {
    if wants_words {
        return Text::new(
            "celui-ci veut une phrase",
            "هذه النقطة تحتاج إلى جملة",
            "this one wants a sentence",
        );
    }
    Text::new("répondez, ou `stop`", "أجب، أو اكتب stop", "answer, or `stop`")
}

/// A bare yes, in English, French or Arabic.
pub(in crate::command) fn is_yes(said: &str) -> bool {
    ["y", "yes", "o", "oui", "نعم"].contains(&said.trim().to_lowercase().as_str())
}

fn one(
    proposal: &Proposal,
    (item, language): (&Item, Language),
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<String, Failure> {
    loop {
        let _ = write!(out, "> ");
        let _ = out.flush();
        let mut line = String::new();
        let read = input.read_line(&mut line).unwrap_or(0);
        let said = line.trim();
        if read == 0 || said == "stop" {
            return Err(Failure::new(Explanation::new(
                "W22",
                "the checklist was left; nothing was signed",
                format!("`stop` or the end of the input, at item {}", item.id),
                "approve again when every item can be answered, or reject with a reason",
            )));
        }
        let words = if is_yes(said) { "" } else { said };
        let given = [(item.id.clone(), words.to_owned())].into();
        let is_open = proposal.unanswered(&given).contains(&item.id);
        if !said.is_empty() && !is_open {
            return Ok(words.to_owned());
        }
        let _ = writeln!(out, "{}", again(is_open).get(language));
    }
}
