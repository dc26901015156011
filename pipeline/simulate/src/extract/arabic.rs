//! The cells of an attendance list kept in Arabic: both series of digits, tatweel, dashes and letters in their variants.

use super::desk::Line;
use crate::model::COUNTRIES;
use crate::random::Dice;
use crate::record::Own;

pub(crate) const HEADER: [&str; 10] = [
    "رقم الملف",
    "التاريخ",
    "الجهة",
    "الجنس",
    "العمر",
    "الجنسية",
    "نوع التكوين",
    "عدد الساعات",
    "مكتمل",
    "الموافقة",
];

/// The cells of one line; none for a record that is no course.
pub(crate) fn cells(line: &Line<'_>, dice: &mut Dice) -> Vec<String> {
    let Own::Training { training, half_hours, completed } = &line.record.own else { return Vec::new() };
    let record = line.record;
    let date = record.day.date().format("%Y/%m/%d").to_string();
    vec![
        identifier(&line.person.identifier(), dice),
        written(&date, dice),
        region(record.region, dice),
        sex(record.sex, dice).to_owned(),
        record.age().map(|age| written(&age.to_string(), dice)).unwrap_or_default(),
        record.country.map_or("غير معروفة", |position| COUNTRIES[position].ar).to_owned(),
        course(training, dice).to_owned(),
        hours(*half_hours, dice),
        if *completed { "نعم" } else { "لا" }.to_owned(),
        if line.consents { dice.one_of(&["نعم", "نعم", "yes"]) } else { dice.one_of(&["لا", ""]) }.to_owned(),
    ]
}

/// The text with its ASCII digits in the series that begins with `zero`.
pub(crate) fn digits(text: &str, zero: char) -> String {
    let shifted = |digit: u32| char::from_u32(u32::from(zero) + digit);
    text.chars().map(|c| c.to_digit(10).and_then(shifted).unwrap_or(c)).collect()
}

fn written(text: &str, dice: &mut Dice) -> String {
    match dice.between(0, 3) {
        0 => digits(text, '\u{660}'),
        1 => digits(text, '\u{6f0}'),
        _ => text.to_owned(),
    }
}

fn identifier(identifier: &str, dice: &mut Dice) -> String {
    match dice.between(0, 9) {
        0 => digits(identifier, '\u{660}'),
        1 => identifier.replace('-', "\u{2011}"),
        2 => format!("{identifier} "),
        _ => identifier.to_owned(),
    }
}

fn region(code: &str, dice: &mut Dice) -> String {
    let name = match code {
        "MA-01" => dice.one_of(&["طنجة - تطوان - الحسيمة", "طنجة ــ تطوان ــ الحسيمة", "طنجة-تطوان-الحسيمة"]),
        "MA-02" => dice.one_of(&["الشرق", "الشـــرق"]),
        "MA-03" => dice.one_of(&["فاس - مكناس", "فاس ‑ مكناس"]),
        "MA-04" => "الرباط - سلا - القنيطرة",
        "MA-05" => "بني ملال - خنيفرة",
        "MA-06" => dice.one_of(&["الدار البيضاء - سطات", "الدار البيضاء – سطات"]),
        "MA-07" => "مراكش آسفي",
        "MA-09" => "سوس ماسة",
        "_O" => "درعة - تافيلالت",
        _ => return String::new(),
    };
    if dice.chance(250) { format!("جهة {name}") } else { name.to_owned() }
}

fn sex(code: &str, dice: &mut Dice) -> &'static str {
    match code {
        "F" => dice.one_of(&["أنثى", "أنثى", "انثى", "إناث"]),
        "M" => dice.one_of(&["ذكر", "ذكر", "ذكور"]),
        "_O" => "آخر",
        _ => "",
    }
}

fn course(code: &str, dice: &mut Dice) -> &'static str {
    match code {
        "LANG" => dice.one_of(&["اللغة", "اللغه"]),
        "VOC" => "تكوين مهني",
        "ENT" => "ريادة الأعمال",
        "LIFE" => "المهارات الحياتية",
        _ => "أخرى",
    }
}

fn hours(halves: i32, dice: &mut Dice) -> String {
    let whole = halves / 2;
    if halves % 2 == 0 {
        return written(&whole.to_string(), dice);
    }
    match dice.between(0, 2) {
        0 => digits(&format!("{whole}٫5"), '\u{660}'),
        1 => format!("{whole}.5"),
        _ => format!("{whole},5"),
    }
}
