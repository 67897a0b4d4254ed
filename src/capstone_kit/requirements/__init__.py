"""The requirement catalogue: one module a family, one function a requirement."""

from capstone_kit.requirements import datasheet, governance, sponsor
from capstone_kit.requirements.base import Requirement

ALL: tuple[Requirement, ...] = (*datasheet.ALL, *governance.ALL, *sponsor.ALL)
