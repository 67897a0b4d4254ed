"""Operations: what happens when the world changes."""

from capstone_kit.gather.pipeline import Shuffled, Withheld
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome


@requirement("OPS3", 2, "R", "ML Test Score, monitoring; AIPI 561", ("production", "scale"))
def gate(examined: Examined) -> Finding:
    """Retraining on new data works; the gate refuses a worse model."""
    examined.evidence[Withheld]
    found, command = examined.evidence[Shuffled], "the gate, offered a model of permuted labels"
    if found.promoted:
        remedy = "agree on criteria that bind (take `proposed` off), and let the gate hold them"
        return Finding(
            Outcome.FAIL, "a model of permuted labels became champion", "the gate refuses it", command, remedy
        )
    return Finding(
        Outcome.PASS, f"retrained on other rows; the gate refused the worse model: {found.gate[:120]}", command=command
    )


ALL = (gate,)
