"""The requirement catalogue: one module a family, one function a requirement."""

from capstone_kit.requirements import (
    data,
    datasheet,
    governance,
    model,
    operations,
    reproducible,
    sponsor,
    tracking,
)
from capstone_kit.requirements.base import Requirement

ALL: tuple[Requirement, ...] = (
    *reproducible.ALL,
    *data.ALL,
    *datasheet.ALL,
    *tracking.ALL,
    *model.ALL,
    *operations.ALL,
    *governance.ALL,
    *sponsor.ALL,
)
