"""Lets `python -m capstone_kit` be the command `capstone`."""

from capstone_kit.cli import main

main()
