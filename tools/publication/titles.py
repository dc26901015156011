"""Reads what a bundle says in words back with the trade's readers: python titles.py BUNDLE STATISTIC LIST CODE > JSON.

Prints {place: text}: the release's title, the statistic's title in three languages, one code's labels, as sdmx1, pysdmx, frictionless,
csvw, rdflib, PyYAML, openpyxl, pandas and lxml hand them over. Whoever calls it knows what they must be.
"""
import json
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")
LANGUAGES = ("fr", "ar", "en")


def structures(root, flow, code_list, code):
    import sdmx
    from lxml import etree
    from pysdmx.io import read_sdmx
    for name in ("structure-2.1.xml", "structure-3.0.xml"):
        message = sdmx.read_sdmx(root / "sdmx" / name)
        # sdmx1 2.28 reads no name of a dataflow in SDMX 3.0: its element stands behind the categorisations.
        element = next(e for e in etree.parse(str(root / "sdmx" / name)).iter("{*}Dataflow") if e.get("id") == flow)
        names = message.dataflow[flow].name.localizations or {e.get("{http://www.w3.org/XML/1998/namespace}lang"): e.text for e in element.iterfind("{*}Name")}
        for language in LANGUAGES:
            yield f"{name} title {language}", names[language]
            yield f"{name} code {language}", message.codelist[code_list][code].name.localizations[language]
        found = read_sdmx(root / "sdmx" / name)
        yield f"{name} pysdmx title en", next(f.name for f in found.get_dataflows() if f.id == flow)
    text = json.loads((root / "sdmx/structure.json").read_text("utf-8"))["data"]
    names = next(f for f in text["dataflows"] if f["id"] == flow)["names"]
    codes = next(c for c in text["codelists"] if c["id"] == code_list)["codes"]
    labels = next(c for c in codes if c["id"] == code)["names"]
    for language in LANGUAGES:
        yield f"structure.json title {language}", names[language]
        yield f"structure.json code {language}", labels[language]
    found = read_sdmx(root / "sdmx/structure.json")
    yield "structure.json pysdmx title en", next(f.name for f in found.get_dataflows() if f.id == flow)


def open_data(root, statistic):
    import rdflib
    import yaml
    from csvw import TableGroup
    from frictionless import Package
    package = Package(str(root / "datapackage.json"))
    yield "datapackage.json release en", package.title.split(": ", 1)[-1]
    yield "datapackage.json title en", next(r for r in package.resources if r.path == f"data/{statistic}.csv").title
    group = TableGroup.from_file(root / f"data/{statistic}.csv-metadata.json")
    table = group.tables[0] if group.tables else group
    for title in table.common_props.get("dc:title", group.common_props.get("dc:title")):
        yield f"csvw title {title['@language']}", title["@value"]
    graph = rdflib.Graph().parse(root / "dcat.jsonld", format="json-ld")
    query = "SELECT ?t WHERE { ?s a <http://www.w3.org/ns/dcat#Dataset> ; <http://purl.org/dc/terms/title> ?t }"
    for (title,) in graph.query(query):
        yield f"dcat release {title.language}", str(title)
    deployment = yaml.safe_load((root / "privacy.yaml").read_text("utf-8"))["deployment"]["basic"]["description"]
    yield "privacy.yaml release en", deployment.rsplit(" (", 1)[0]


def workbook(root, statistic, code_list, code):
    import openpyxl
    import pandas
    book = openpyxl.load_workbook(root / "data/marsad.xlsx", read_only=True)
    notes = [row for row in book["notes"].iter_rows(values_only=True)]
    for language in LANGUAGES:
        texts = [text for tag, text in notes if tag == language]
        yield f"xlsx release {language}", texts[0]
        own = next(text for text in texts if text.startswith(f"{statistic} · "))
        yield f"xlsx note {language}", own.removeprefix(f"{statistic} · ")
    sheet = pandas.read_excel(root / "data/marsad.xlsx", sheet_name=statistic, keep_default_na=False)
    row = sheet[sheet[code_list.removeprefix("CL_")] == code].iloc[0]
    for language in LANGUAGES:
        yield f"xlsx code {language}", row[f"{code_list.removeprefix('CL_')}_{language}"]


def report(root):
    from lxml import html
    page = html.parse(str(root / "report.html"), html.HTMLParser(encoding="utf-8")).getroot()
    for language in LANGUAGES:
        section = page.get_element_by_id(language)
        yield f"report release {language}", section.find(".//h1").text_content()
        titles = [h.text_content() for h in section.iterfind(".//section/h2")] + [h.text_content() for h in section.iterfind(".//h2")]
        yield f"report titles {language}", "\n".join(titles)


def statement(root, statistic, code_list, code):
    release = json.loads((root / "release.json").read_text("utf-8"))
    titles = next(s for s in release["statistics"] if s["id"] == statistic)["titles"]
    labels = next(c for c in release["code_lists"][code_list.removeprefix("CL_")]["codes"] if c["id"] == code)["names"]
    for language in LANGUAGES:
        yield f"release.json title {language}", titles[language]
        yield f"release.json code {language}", labels[language]


def main(bundle, statistic, code_list, code):
    root = pathlib.Path(bundle)
    found = {}
    for part in (
        statement(root, statistic, code_list, code),
        structures(root, f"DF_{statistic.upper()}", code_list, code),
        open_data(root, statistic),
        workbook(root, statistic, code_list, code),
        report(root),
    ):
        found.update(part)
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
