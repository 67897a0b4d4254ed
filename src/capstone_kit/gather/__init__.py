"""Evidence: what is found out about a project by running it, each kind in a module of its own."""

from collections.abc import Callable, Collection
from typing import Any

from capstone_kit.environment import Installed
from capstone_kit.evidence import Evidence, NoEvidenceError, Recomputed
from capstone_kit.gather import lint, operating, own_tests, pipeline, service, versions
from capstone_kit.gather.lab import Lab
from capstone_kit.gather.lint import Linted
from capstone_kit.gather.operating import Drift, Followed
from capstone_kit.gather.own_tests import OwnTests
from capstone_kit.gather.pipeline import Installation, Rerun, Shuffled, Validated, Withheld
from capstone_kit.gather.service import Built, Served
from capstone_kit.gather.versions import Previous, Registered
from capstone_kit.project import KitError

SERVED = ("SRV1", "SRV2", "SRV3", "SRV4", "SRV5", "OPS2", "TRK3", "TRK4")
Maker = Callable[[Lab, Evidence], Any]

# What is made, by whom, and which requirements look at it; each may use what was made before it.
MAKERS: tuple[tuple[type, Maker, tuple[str, ...]], ...] = (
    (Rerun, lambda lab, _: pipeline.rerun(lab), ("REP2", "REP3", "DAT1", "DAT3", "TRK1", "TRK2", "GOV5")),
    (Validated, lambda lab, e: pipeline.validate(lab, e[Rerun]), ("DAT2",)),
    (Registered, lambda _, e: versions.champion(e[Rerun]), ("TRK3", "TRK4")),
    (Built, lambda lab, e: service.build(lab, e[Rerun]), ("SRV1",)),
    (Served, lambda lab, e: service.serve(lab, e[Rerun]), SERVED),
    (Followed, lambda lab, e: operating.follow(lab, e[Rerun]), ("OPS4",)),
    (Drift, lambda lab, e: operating.watch(lab, e[Rerun]), ("OPS1",)),
    (Withheld, lambda lab, e: pipeline.withhold(lab, e[Rerun]), ("REP4", "MOD1", "MOD2", "MOD3", "MOD4")),
    (Shuffled, lambda lab, e: pipeline.shuffle(lab, e[Withheld]), ("MOD5", "OPS3")),
    (Linted, lambda lab, _: lint.lint(lab), ("QA3",)),
    (OwnTests, lambda lab, _: own_tests.measure(lab), ("QA1", "QA2")),
    (Previous, lambda lab, e: versions.previous(lab, e[Rerun], e[Withheld]), ("SRV6",)),
)
SECOND = (Shuffled, Previous)  # they need the run without some rows; all but the tools need the first
DOCUMENTS = ("DAT4", "GOV1", "GOV2", "SPN1", "SPN6")  # compared with the re-run's figures


def everything(lab: Lab, installed: Installed, asked: Collection[str]) -> Evidence:
    """Make what the requirements with these ids look at.

    What cannot be made is missing with its reason; nothing is raised.
    """
    evidence = Evidence()
    if "REP1" in asked:
        _make(evidence, Installation, lambda: pipeline.install(lab, installed))
    wanted = {kind for kind, _, ids in MAKERS if set(asked) & set(ids)}
    wanted |= {Withheld} if wanted & set(SECOND) else set()
    wanted |= {Rerun} if wanted - {Linted, OwnTests} or set(asked) & set(DOCUMENTS) else set()
    for kind, maker, _ in MAKERS:
        if kind in wanted:
            _make(evidence, kind, lambda maker=maker: maker(lab, evidence))
    if Rerun in evidence and (first := evidence[Rerun]).metrics:
        evidence.add(Recomputed(first.metrics, first.rows, first.md5))
    return evidence


def nothing(reason: NoEvidenceError) -> Evidence:
    """Give evidence in which every item is missing for the same reason."""
    evidence = Evidence()
    for kind in (Installation, *(kind for kind, _, _ in MAKERS)):
        evidence.lacks(kind, reason)
    return evidence


def _make(evidence: Evidence, kind: type, make: Callable[[], Any]) -> None:
    try:
        evidence.add(make())
    except NoEvidenceError as error:
        evidence.lacks(kind, error)
    except KitError as error:
        evidence.lacks(kind, NoEvidenceError(str(error), blame=True))
    except Exception as error:  # the examiner's own fault
        evidence.lacks(kind, NoEvidenceError(f"the examination itself failed: {type(error).__name__}: {error}"))


def flags(evidence: Evidence) -> list[str]:
    """Name signs of cheating that a person should look at."""
    return list(evidence[Rerun].tricks) if Rerun in evidence else []
