"""What was decided about a table without being asked, or looks odd in it, in sentences."""

from collections import Counter
from collections.abc import Iterator

from capstone_kit.adopt.description import Field, Wishes
from capstone_kit.adopt.profile import Column, Profile
from capstone_kit.adopt.suspect import sentinel, sums_up


def remarks(found: Profile, wishes: Wishes, fields: tuple[Field, ...], strange: tuple[str, ...]) -> Iterator[str]:
    """Give what was decided without being asked."""
    if sums_up(fields, found.sample):
        yield "the features together give the target exactly: is it computed from them?"
    if strange:
        yield f"{', '.join(map(repr, strange))} among numbers or dates is read as a missing value"
    for one, column in zip(fields, found.columns, strict=True):
        if one.type in ("date", "datetime"):
            yield from _on_dates(column)
        if one.type == "string" and one.role in ("feature", "target") and (twins := _twins(column)):
            named = " and ".join(map(repr, twins))
            yield f"{one.name!r}: {named} differ in capitals or blanks alone: do they mean the same?"
    dates = [f.name for f in fields if f.type in ("date", "datetime") and f.role == "feature"]
    if dates and wishes.time is None:
        yield f"rows are divided at random; if the future is to be predicted, say --time {dates[0]!r}"
    if wishes.time and wishes.group:
        yield "rows are split by time, so that rows of one group may lie on both sides"
    if len(found.sample) < found.rows:
        looked = f"{len(found.sample):,} of the rows, drawn at random"
        yield f"leaks and personal data were looked for in {looked}; types and limits in all"
    for one, column in zip(fields, found.columns, strict=True):
        if one.role == "feature" and (sign := sentinel(column, found.sample[one.name])):
            yield f"{one.name!r}: {sign} lies far from all others and is frequent: does it stand for a missing value?"


def _twins(column: Column) -> list[str]:
    """Give a few texts that people would take for one."""
    alike = Counter(text.strip().casefold() for text in column.values or ())
    return [text for text in column.values or () if alike[text.strip().casefold()] > 1][:4]


def _on_dates(column: Column) -> Iterator[str]:
    """Give what was decided about dates that may be read in another way, or not at all."""
    if (found := column.writing) is None:
        return
    if found.several:
        ways = ", ".join(found.formats)
        yield f"{column.name!r} writes its dates in several ways, which ingest brings to one: {ways}"
    if found.guessed:
        where = "options.dates in params.yaml" if found.several else "format in the data contract"
        taken = f"month first is taken; if it is wrong, change {where}"
        yield f"{column.name!r}: month/day/year and day/month/year both fit; {taken}"
    if count := column.unread.total() + found.turned:
        example = next(iter(column.unread), "")
        which = f"such as {example!r}" if example else "with day and month the other way round"
        yield f"{column.name!r}: {count:,} dates {which} cannot be read: validate sets their rows aside"
