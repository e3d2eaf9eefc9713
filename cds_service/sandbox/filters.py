"""Search parameters with their values, as tests on a resource.

Values separated by commas are alternatives; a repeated parameter must hold each time.
Source: FHIR R4, Search, token, reference, date and string parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from cds_service.sandbox.fhir_dates import DateFilter, date_filter, element_interval
from cds_service.sandbox.outcome import bad_request, not_supported
from cds_service.sandbox.parameters import PARAMETERS, Parameter, ParameterKind, elements
from hooks.fhir import JsonObject

Test = Callable[[JsonObject], bool]
_COMMA = re.compile(r"(?<!\\),")


def read_filter(kind: str, name: str, text: str, base: str) -> Test:
    """The test that a query parameter asks for. Raises `FhirError` 400.

    An unknown parameter is an error and never ignored: an ignored one would answer with resources
    of other patients. The same holds for an empty value.
    """
    parameter = PARAMETERS[kind].get(name)
    if parameter is None:
        raise _unknown(kind, name)
    values = [part.replace("\\,", ",") for part in _COMMA.split(text)]
    if not all(values):
        raise bad_request(f"Search parameter {name} has an empty value")
    tests = [_test(parameter, value, base) for value in values]
    return lambda resource: any(test(resource) for test in tests)


def _unknown(kind: str, name: str) -> Exception:
    stem = re.split(r"[:.]", name)[0]
    if stem != name and stem in PARAMETERS[kind]:
        return not_supported(f"Modifiers and chains are not supported, here on {stem} of {kind}")
    known = ", ".join(sorted(PARAMETERS[kind]))
    return not_supported(f"Unknown search parameter for {kind}. Known: {known}")


def _test(parameter: Parameter, value: str, base: str) -> Test:
    if parameter.kind is ParameterKind.DATE:
        return _date_test(parameter, value)
    if parameter.kind is ParameterKind.REFERENCE:
        return _reference_test(parameter, value, base)
    match = _token_match(value) if parameter.kind is ParameterKind.TOKEN else _string_match(value)
    return lambda resource: any(map(match, elements(resource, parameter.path)))


def _date_test(parameter: Parameter, value: str) -> Test:
    try:
        wanted: DateFilter = date_filter(value)
    except ValueError as error:
        raise bad_request(f"Search parameter {parameter.name} is no FHIR date") from error

    def test(resource: JsonObject) -> bool:
        found = map(element_interval, elements(resource, parameter.path))
        return any(interval is not None and wanted.matches(interval) for interval in found)

    return test


def local_reference(reference: str, base: str) -> str:
    """A reference as `Type/id` where it lies on this server, without its version."""
    return reference.removeprefix(f"{base}/").partition("/_history/")[0]


def _reference_test(parameter: Parameter, value: str, base: str) -> Test:
    wanted = local_reference(value, base)
    if parameter.target and "/" not in wanted:
        wanted = f"{parameter.target}/{wanted}"

    def test(resource: JsonObject) -> bool:
        for element in elements(resource, f"{parameter.path}.reference"):
            found = local_reference(element, base) if isinstance(element, str) else ""
            if wanted in (found, found.partition("/")[2]):
                return parameter.target is None or found.startswith(f"{parameter.target}/")
        return False

    return test


def _token_match(value: str) -> Callable[[Any], bool]:
    """`code`, `system|code`, `|code` (no system), `system|`; a plain code element has no system."""
    system, bar, code = value.rpartition("|")

    def match(element: Any) -> bool:
        if not isinstance(element, dict):
            return bool(element == code)
        return any(
            code in ("", found_code) and (not bar or (system or None) == found_system)
            for found_system, found_code in _codes(element)
        )

    return match


def _codes(element: JsonObject) -> Iterator[tuple[Any, Any]]:
    """System and code of a CodeableConcept, Coding or Identifier."""
    if isinstance(element.get("coding"), list):
        for coding in element["coding"]:
            if isinstance(coding, dict):
                yield coding.get("system"), coding.get("code")
    else:
        yield element.get("system"), element.get("code", element.get("value"))


def _string_match(value: str) -> Callable[[Any], bool]:
    wanted = value.casefold()

    def match(element: Any) -> bool:
        if isinstance(element, dict):
            return any(map(match, element.values()))
        if isinstance(element, list):
            return any(map(match, element))
        return isinstance(element, str) and element.casefold().startswith(wanted)

    return match
