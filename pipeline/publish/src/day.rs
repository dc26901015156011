//! A day in words, with the months as Morocco names them (CLDR, fr and ar-MA).

use marsad_terms::Language;

const MONTHS: [[&str; 3]; 12] = [
    ["janvier", "يناير", "January"],
    ["février", "فبراير", "February"],
    ["mars", "مارس", "March"],
    ["avril", "أبريل", "April"],
    ["mai", "ماي", "May"],
    ["juin", "يونيو", "June"],
    ["juillet", "يوليوز", "July"],
    ["août", "غشت", "August"],
    ["septembre", "شتنبر", "September"],
    ["octobre", "أكتوبر", "October"],
    ["novembre", "نونبر", "November"],
    ["décembre", "دجنبر", "December"],
];

/// `2026-11-27` as `27 novembre 2026`; what is no day as it is.
pub fn in_words(day: &str, language: Language) -> String {
    let parts: Vec<usize> = day.split('-').filter_map(|part| part.parse().ok()).collect();
    let [year, month, day_of_month] = parts[..] else { return day.to_owned() };
    let Some(names) = month.checked_sub(1).and_then(|month| MONTHS.get(month)) else { return day.to_owned() };
    let [fr, ar, en] = names;
    match language {
        Language::Fr if day_of_month == 1 => format!("1er {fr} {year}"),
        Language::Fr => format!("{day_of_month} {fr} {year}"),
        Language::Ar => format!("{day_of_month} {ar} {year}"),
        Language::En => format!("{day_of_month} {en} {year}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_said_as_morocco_says_them() {
        let said = |day| Language::ALL.map(|language| in_words(day, language));
        assert_eq!(said("2026-11-27"), ["27 novembre 2026", "27 نونبر 2026", "27 November 2026"]);
        assert_eq!(said("2025-08-01"), ["1er août 2025", "1 غشت 2025", "1 August 2025"]);
        assert_eq!(said("2025-13-01")[0], "2025-13-01");
    }
}
