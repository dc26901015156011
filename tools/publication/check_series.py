"""Reads a series over releases with the trade's readers: python check_series.py SERIES.xml SERIES.csv > JSON.

SERIES.structure.xml must lie beside. The message is valid against the official XSD and its dataflow's own types, which hold every code; lxml,
sdmx1 and pysdmx hand over the rows of the SDMX-CSV, no more and no fewer. Prints {release: number of observations}; any fault ends it.
"""
import csv
import json
import math
import pathlib
import sys

from check_bundle import data_schema, need

NUMBERS = ("OBS_VALUE", "ESTIMATE", "CONF_LOWER", "CONF_UPPER", "MARGIN", "RAW_VALUE", "RAW_UNIT", "CONF_LEVEL", "PRIVACY_RHO")


def rows(path):
    """The SDMX-CSV: key -> components that are not empty."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        dims = reader.fieldnames[3:reader.fieldnames.index("OBS_VALUE")]
        found = {tuple(r[d] for d in dims): {k: v for k, v in list(r.items())[3:] if v} for r in reader}
    return dims, found


def with_lxml(data, *_):
    from lxml import etree
    for part in etree.parse(str(data)).iter("{*}DataSet"):
        common = {k: v for k, v in part.attrib.items() if not k.startswith("{")}
        for observation in part.iter("Obs"):
            yield {**common, **observation.getparent().attrib, **observation.attrib}


def with_sdmx1(data, structure, dsd):
    import sdmx
    definition = sdmx.read_sdmx(structure).structure[dsd]
    plain = lambda x: str(getattr(getattr(x, "value", x), "id", getattr(x, "value", x)))
    for part in sdmx.read_sdmx(data, structure=definition).data:
        common = {k: plain(v) for k, v in part.attrib.items()}
        for o in part.obs:
            yield {**common, **{k: plain(v) for k, v in o.key.values.items()}, **{k: plain(v) for k, v in o.attrib.items()}, "OBS_VALUE": o.value}


def with_pysdmx(data, structure, dsd):
    from pysdmx.io import get_datasets
    for part in get_datasets(data, structure, validate=True):
        for row in part.data.to_dict("records"):
            yield {**part.attributes, **row}


def is_nothing(value):
    return value is None or str(value).lower() in ("", "nan", "<na>", "none")


def equal(want, got):
    """Texts to the letter, numbers as numbers; what the row lacks is absent, or said to be no number."""
    for name, text in want.items():
        if name in NUMBERS and not is_nothing(text):
            need(float(got[name]) == float(text), f"{name} {got[name]!r}, not {text!r}")
        elif name in NUMBERS:
            need(math.isnan(float(got[name])), f"{name} {got[name]!r}, not {text!r}")
        else:
            need(str(got[name]) == text, f"{name} {got[name]!r}, not {text!r}")
    more = [name for name, value in got.items() if name not in want and not is_nothing(value)]
    need(not more, f"{more} are not in the row")


def main():
    data, table = map(pathlib.Path, sys.argv[1:])
    structure = data.with_suffix(".structure.xml")
    dims, want = rows(table)
    from lxml import etree
    dsd = next(etree.parse(str(data)).iter("{*}DataSet")).get("{http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific}structureRef")
    print(data_schema(data, structure, dsd), file=sys.stderr)
    counts = {}
    for read in (with_lxml, with_sdmx1, with_pysdmx):
        left, counts = dict(want), {}
        for got in read(data, structure, dsd):
            key = tuple(str(got[d]) for d in dims)
            need(key in left, f"{read.__name__}: {key} is not in the SDMX-CSV, or twice")
            equal(left.pop(key), got)
            counts[got["RELEASE_ID"]] = counts.get(got["RELEASE_ID"], 0) + 1
        need(not left, f"{read.__name__}: {len(left)} rows are missing")
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
