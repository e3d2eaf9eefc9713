"""One query to a FHIR server, read to its last page.

A query ends answered completely, or with the reasons why not and what was read so far.
Pages are followed on the same server only (same scheme, host and port, path equal to the base or
below it), never twice, and as far as the call has pages and resources left; what stops before the
last page, and a `total` above the number of matches that arrived, is `truncated`. A first page
with more resources than the call has left is `too-large`.
Source: clinical specification, section 1.9; data elements, section 2; CDS Hooks 2.0.1, prefetch.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_service import fhir_query
from cds_service.deadline import Deadline
from cds_service.fhir_answer import Page, is_short, read_page
from cds_service.fhir_client import HttpAnswer
from cds_service.fhir_server_policy import page_url
from cds_service.fhir_visit import Visit
from hooks.record import Reason

_BAD_REQUEST = 400
# What servers answer to a search that they do not offer; 403 is a failure, named like any other.
_REFUSALS = frozenset({_BAD_REQUEST, 404, 422})


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What one query brought: pages in their order, and why the answer is incomplete, if it is.

    `refused` says that the server does not offer this query, so that another may be asked.
    """

    pages: tuple[Page, ...] = ()
    reasons: frozenset[str] = frozenset()
    refused: bool = False
    requests: int = 0


@dataclass(frozen=True, slots=True)
class FhirServer:
    """One allowed FHIR server as one hook call may use it. The token is not part of the `repr`."""

    visit: Visit
    base: str
    token: str | None
    deadline: Deadline
    page_size: int | None = None

    def __repr__(self) -> str:
        return "FhirServer()"

    def ask(self, query: str) -> QueryResult:
        """Ask a filled template or an instance (`Type/id`), once more unsorted after a 400."""
        sort = fhir_query.sortable(query)
        address, answer = self._get_query(query, sort=sort)
        requests = 1
        if sort and answer.status == _BAD_REQUEST:
            address, answer = self._get_query(query, sort=False)
            requests = 2
        page = _first_page(answer, fhir_query.resource_type(query))
        if page is None:
            reason = str(answer.reason or Reason.UNREADABLE)
            refused = answer.status in _REFUSALS
            return QueryResult((), frozenset({reason}), refused, requests)
        if not self._may_keep(page):
            return QueryResult((), frozenset({str(Reason.TOO_LARGE)}), False, requests)
        return self.follow(page, address, requests)

    def follow(self, first: Page, address: str | None = None, requests: int = 0) -> QueryResult:
        """Read the pages after one that came from an address of this server, or by prefetch."""
        pages, seen = [first], {address}
        address = address or f"{self.base}/"
        while pages[-1].next_link is not None:
            following = page_url(self.base, address, pages[-1].next_link)
            if following is None or following in seen or not self.visit.allowance.take_page():
                return _result(pages, requests, cut=True)
            page = _later_page(self._get(following))
            requests += 1
            if page is None or not self._may_keep(page):
                return _result(pages, requests, cut=True)
            seen.add(address := following)
            pages.append(page)
        return _result(pages, requests, cut=False)

    def _get_query(self, query: str, *, sort: bool) -> tuple[str, HttpAnswer]:
        address = fhir_query.address(self.base, query, self.page_size, sort=sort)
        return address, self._get(address)

    def _may_keep(self, page: Page) -> bool:
        return self.visit.allowance.take_resources(len(page.entries))

    def _get(self, address: str) -> HttpAnswer:
        return self.visit.get(address, self.token, self.deadline)


def only_page(page: Page) -> QueryResult:
    """The result that one page stands for where no server may be asked for the next."""
    return _result([page], 0, cut=page.next_link is not None)


def _first_page(answer: HttpAnswer, kind: str) -> Page | None:
    """The page of an answer; None for no answer, and for a resource of another type."""
    page = None if answer.reason else read_page(answer.value)
    if page is None or page.is_bundle:
        return page
    return page if {entry.kind for entry in page.entries} <= {kind} else None


def _later_page(answer: HttpAnswer) -> Page | None:
    page = None if answer.reason else read_page(answer.value)
    return page if page and page.is_bundle else None


def _result(pages: list[Page], requests: int, *, cut: bool) -> QueryResult:
    reasons = {reason for page in pages for reason in page.reasons}
    entries = [entry for page in pages for entry in page.entries]
    if cut or is_short(entries, max(page.total or 0 for page in pages)):
        reasons.add(str(Reason.TRUNCATED))
    return QueryResult(tuple(pages), frozenset(reasons), False, requests)
