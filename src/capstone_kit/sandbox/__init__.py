"""Running a project's own code: in a bubblewrap sandbox, or openly on the team's own machine. Nothing else runs it."""

from capstone_kit.sandbox.box import STOPPING, Box, Done, Limits, Open, Running, free_port, running, stop_all
from capstone_kit.sandbox.bubble import VENV, Sandbox
from capstone_kit.sandbox.output import TAIL
from capstone_kit.sandbox.trial import self_test

__all__ = [
    "STOPPING",
    "TAIL",
    "VENV",
    "Box",
    "Done",
    "Limits",
    "Open",
    "Running",
    "Sandbox",
    "free_port",
    "running",
    "self_test",
    "stop_all",
]
