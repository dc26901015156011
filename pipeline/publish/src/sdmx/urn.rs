//! Names of SDMX artefacts (SDMX 2.1, section 5, "URN structure"): `urn:sdmx:org.sdmx.infomodel.<package>.<class>=…`.

/// The URN of a maintainable artefact, or of an item of one.
pub(crate) fn urn(class: &str, agency: &str, id: &str, version: &str, item: Option<&str>) -> String {
    let package = package(class);
    let item = item.map_or_else(String::new, |item| format!(".{item}"));
    format!("urn:sdmx:org.sdmx.infomodel.{package}.{class}={agency}:{id}({version}){item}")
}

/// The package of a class in SDMX's information model.
pub(crate) fn package(class: &str) -> &'static str {
    match class {
        "Agency" | "AgencyScheme" => "base",
        "Codelist" | "Code" => "codelist",
        "ConceptScheme" | "Concept" => "conceptscheme",
        "CategoryScheme" | "Category" | "Categorisation" => "categoryscheme",
        "RepresentationMap" => "structuremapping",
        _ => "datastructure",
    }
}
