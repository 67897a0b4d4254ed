"""The requirement catalogue: one module a family, one function a requirement."""

from capstone_kit.requirements import (
    data,
    datasheet,
    governance,
    lineage,
    model,
    operations,
    privacy,
    quality,
    reproducible,
    service,
    sponsor,
    tracking,
)
from capstone_kit.requirements.base import Requirement

ALL: tuple[Requirement, ...] = (
    *reproducible.ALL,
    *data.ALL,
    *datasheet.ALL,
    *tracking.ALL,
    *lineage.ALL,
    *model.ALL,
    *service.ALL,
    *quality.ALL,
    *operations.ALL,
    *governance.ALL,
    *privacy.ALL,
    *sponsor.ALL,
)
