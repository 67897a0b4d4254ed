"""The kit: moves a capstone repository to the team's own data, and says what it still needs."""

from importlib.metadata import version

VERSION = version("capstone-kit")
