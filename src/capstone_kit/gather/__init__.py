"""Evidence: what is found out about a project by running it, each kind in a module of its own."""

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
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

# What is made, out of what, by whom, and which requirements look at it. What the longest way leads through comes first.
MAKERS: tuple[tuple[type, tuple[type, ...], Maker, tuple[str, ...]], ...] = (
    (Rerun, (), lambda lab, _: pipeline.rerun(lab), ("REP2", "REP3", "DAT1", "DAT3", "TRK1", "TRK2", "GOV5")),
    (OwnTests, (), lambda lab, _: own_tests.measure(lab), ("QA1", "QA2")),
    (
        Withheld,
        (Rerun,),
        lambda lab, e: pipeline.withhold(lab, e[Rerun]),
        ("REP4", "MOD1", "MOD2", "MOD3", "MOD4"),
    ),
    (Shuffled, (Withheld,), lambda lab, e: pipeline.shuffle(lab, e[Withheld]), ("MOD5", "OPS3")),
    (Served, (Rerun,), lambda lab, e: service.serve(lab, e[Rerun]), SERVED),
    (Drift, (Rerun,), lambda lab, e: operating.watch(lab, e[Rerun]), ("OPS1",)),
    (Followed, (Rerun,), lambda lab, e: operating.follow(lab, e[Rerun]), ("OPS4",)),
    (Validated, (Rerun,), lambda lab, e: pipeline.validate(lab, e[Rerun]), ("DAT2",)),
    (Built, (Rerun,), lambda lab, e: service.build(lab, e[Rerun]), ("SRV1",)),
    (Linted, (), lambda lab, _: lint.lint(lab), ("QA3",)),
    (Previous, (Rerun, Withheld), lambda lab, e: versions.previous(lab, e[Rerun], e[Withheld]), ("SRV6",)),
    (Registered, (Rerun,), lambda _, e: versions.champion(e[Rerun]), ("TRK3", "TRK4")),
)
DOCUMENTS = ("DAT4", "GOV1", "GOV2", "SPN1", "SPN6")  # compared with the re-run's figures


def everything(lab: Lab, installed: Installed, asked: Collection[str]) -> Evidence:
    """Make what the requirements with these ids look at, as much of it at once as the laboratory's boxes have slots.

    What cannot be made is missing with its reason; nothing is raised.
    """
    evidence, making = Evidence(), dict[type, Future[None]]()
    wanted = _wanted(asked)
    with ThreadPoolExecutor(len(MAKERS) + 1) as pool:
        if "REP1" in asked:
            making[Installation] = pool.submit(_make, evidence, Installation, lambda: pipeline.install(lab, installed))
        for kind, needs, maker, _ in MAKERS:
            if kind in wanted:
                before = [making[need] for need in needs]
                making[kind] = pool.submit(_make, evidence, kind, partial(maker, lab, evidence), before)
    for made in making.values():
        made.result()  # raises what would be a mistake in the lines above
    if Rerun in evidence and (first := evidence[Rerun]).metrics:
        evidence.add(Recomputed(first.metrics, first.rows, first.md5))
    return evidence


def _wanted(asked: Collection[str]) -> set[type]:
    """Give what the requirements with these ids look at, with all that it is made of."""
    wanted: set[type] = {Rerun} if set(asked) & set(DOCUMENTS) else set()
    for kind, needs, _, ids in reversed(MAKERS):
        if kind in wanted or set(asked) & set(ids):
            wanted |= {kind, *needs}
    return wanted


def nothing(reason: NoEvidenceError) -> Evidence:
    """Give evidence in which every item is missing for the same reason."""
    evidence = Evidence()
    for kind in (Installation, *(kind for kind, *_ in MAKERS)):
        evidence.lacks(kind, reason)
    return evidence


def _make(evidence: Evidence, kind: type, make: Callable[[], Any], before: Iterable[Future[None]] = ()) -> None:
    wait(before)
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
    return [*evidence[Rerun].tricks, *evidence[Rerun].leaks] if Rerun in evidence else []
