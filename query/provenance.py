"""The record of what was asked and answered, as W3C PROV-JSON.

https://www.w3.org/submissions/prov-json/ writes the PROV data model (https://www.w3.org/TR/prov-dm/)
as JSON. The question, each query that was sent, each answer and the table of all rows are entities;
the search and the asking of each archive are activities; the user, the gateway and the archives are
agents.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings

from esap.jobs.models import Event, Job, Phase
from query.storing import MERGED, result_name

__all__ = ["provenance"]

Record = dict[str, Any]


def provenance(job: Job, root: str, address: str) -> Record:
    """Return the provenance of a search, as far as it has come, as a PROV-JSON document.

    `root` is the address of the API and `address` that of the search, both absolute: the document's
    names are theirs, with a fragment.
    """
    document = _Document(job, root, address)
    told = Event.objects.filter(job=job, name__in=["search", "archive"]).order_by("id")
    for event in told:
        if event.name == "search":
            document.add_gateway(str(event.data.get("version") or settings.VERSION))
        else:
            document.add_answer(event.data)
    if job.phase == Phase.COMPLETED:
        document.add_merged()
    return document.records


class _Document:
    """A PROV-JSON document as it is written, for one search."""

    def __init__(self, job: Job, root: str, address: str) -> None:
        self._job = job
        self._address = address
        self._tries: Counter[str] = Counter()
        self._answers: dict[str, str] = {}
        self.records: Record = {"prefix": {"esap": f"{root}#", "search": f"{address}#"}}
        self._add(
            "entity",
            "question",
            {
                "prov:type": _name("esap:Question"),
                "prov:label": "What was asked",
                "prov:value": _json(job.parameters),
            },
        )
        times = {
            "prov:startTime": job.created.isoformat(),
            "prov:endTime": job.ended.isoformat() if job.ended else None,
        }
        self._add(
            "activity",
            "search",
            {**times, "prov:type": _name("esap:Search"), "esap:phase": job.phase},
        )
        self._relate("used", activity="search", entity="question")
        if job.owner is not None:
            label = job.owner.get_full_name() or job.owner.get_username()
            person = {"prov:type": _name("prov:Person"), "prov:label": label}
            self._add("agent", "user", person)
            self._relate("wasAttributedTo", entity="question", agent="user")

    def add_gateway(self, version: str) -> None:
        """Tell which version of the gateway searched from now on."""
        gateway = f"gateway-{version}"
        if self._has("agent", gateway):
            return
        self._add(
            "agent",
            gateway,
            {
                "prov:type": _name("prov:SoftwareAgent"),
                "prov:label": f"ESAP API Gateway {version}",
                "esap:version": version,
            },
        )
        self._relate("wasAssociatedWith", activity="search", agent=gateway)
        if self._job.owner is not None:
            self._relate("actedOnBehalfOf", delegate=gateway, responsible="user", activity="search")

    def add_answer(self, outcome: Mapping[str, Any]) -> None:
        """Tell what was sent to an archive and what came back, each time it was asked."""
        dataset = result_name(outcome["archive"], outcome["dataset"])
        self._tries[dataset] += 1
        again = "" if self._tries[dataset] == 1 else f"-{self._tries[dataset]}"
        answer = f"answer-{dataset}{again}"
        self._answers[dataset] = answer
        self._add(
            "entity",
            answer,
            {
                "prov:type": _name("esap:Answer"),
                "prov:label": outcome["detail"],
                "esap:status": outcome["status"],
                "esap:rows": outcome["rows"],
                "esap:problem": outcome["slug"] or None,
            },
        )
        if not outcome["query"]:  # It was never sent: the gateway itself has refused it.
            self._relate("wasGeneratedBy", entity=answer, activity="search")
            return
        asking, query = f"asking-{dataset}{again}", f"query-{dataset}{again}"
        self._add_query(query, outcome)
        started, ended = outcome.get("started"), outcome.get("ended")
        times = {"prov:startTime": started, "prov:endTime": ended}
        self._add("activity", asking, {**times, "prov:type": _name("esap:Asking")})
        self._relate("wasInformedBy", informed=asking, informant="search")
        self._relate("used", activity=asking, entity=query)
        archive = self._archive(outcome)
        self._relate("wasAssociatedWith", activity=asking, agent=archive, plan=query)
        self._relate("wasGeneratedBy", entity=answer, activity=asking, time=ended)
        self._relate("wasDerivedFrom", generatedEntity=answer, usedEntity=query, activity=asking)
        self._relate("wasAttributedTo", entity=answer, agent=archive)

    def add_merged(self) -> None:
        """Tell of the table of all rows; where it is, if it was stored."""
        stored = any(result["name"] == MERGED for result in self._job.results)
        place = {"$": f"{self._address}results/{MERGED}", "type": "xsd:anyURI"}
        self._add(
            "entity",
            MERGED,
            {
                "prov:type": _name("esap:Table"),
                "prov:label": "All rows",
                "prov:location": place if stored else None,
            },
        )
        ended = self._job.ended.isoformat() if self._job.ended else None
        self._relate("wasGeneratedBy", entity=MERGED, activity="search", time=ended)
        for answer in self._answers.values():
            self._relate("wasDerivedFrom", generatedEntity=MERGED, usedEntity=answer)

    def _add_query(self, query: str, outcome: Mapping[str, Any]) -> None:
        self._add(
            "entity",
            query,
            {
                "prov:type": _name("prov:Plan"),
                "prov:value": outcome["query"],
                "esap:language": outcome.get("language"),
            },
        )
        self._relate("wasDerivedFrom", generatedEntity=query, usedEntity="question")

    def _archive(self, outcome: Mapping[str, Any]) -> str:
        archive = f"archive-{outcome['archive']}"
        if not self._has("agent", archive):
            place = {"$": outcome["url"], "type": "xsd:anyURI"}
            self._add(
                "agent",
                archive,
                {
                    "prov:type": _name("prov:SoftwareAgent"),
                    "prov:label": outcome.get("title") or outcome["archive"],
                    "esap:protocol": outcome.get("protocol") or None,
                    "prov:location": place if outcome["url"] else None,
                },
            )
        return archive

    def _has(self, kind: str, name: str) -> bool:
        return f"search:{name}" in self.records.get(kind, {})

    def _add(self, kind: str, name: str, attributes: Mapping[str, Any]) -> None:
        said = {key: value for key, value in attributes.items() if value is not None}
        self.records.setdefault(kind, {})[f"search:{name}"] = said

    def _relate(self, kind: str, *, time: str | None = None, **ends: str) -> None:
        relations = self.records.setdefault(kind, {})
        relation: Record = {f"prov:{role}": f"search:{name}" for role, name in ends.items()}
        if time:
            relation["prov:time"] = time
        relations[f"_:{kind}{len(relations) + 1}"] = relation


def _name(qualified: str) -> Record:
    return {"$": qualified, "type": "prov:QUALIFIED_NAME"}


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
