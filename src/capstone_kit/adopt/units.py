"""The unit that the name of a column states, as in `temp [K]`, `speed_rpm` or `flow m3 per h`."""

import re

BRACKETS = r"\s*[\[(]\s*([^\])]{1,15}?)\s*[\])]\s*$"
AS_WRITTEN = """
    rpm Hz kHz MHz GHz nm mm cm km mg kg kN kW MW GW Wh kWh MWh Nm kNm Pa hPa kPa MPa GPa bar mbar psi kJ MJ GJ mL ml
    ppm ppb mV kV mA kA dB mol mmol bpm mmHg mph kcal % € $ £ ¥
"""
IN_SMALL_LETTERS = "hz khz mhz ghz kw mw kwh mwh hpa kpa mpa kj mmhg"  # others mean something else: `price_ma`
OTHERWISE = {
    **{"ms": "ms", "sec": "s", "secs": "s", "seconds": "s", "minutes": "min", "mins": "min", "hours": "h", "hrs": "h"},
    **{"days": "d", "weeks": "weeks", "months": "months", "years": "years", "yrs": "years", "um": "µm", "ug": "µg"},
    **{"degc": "°C", "celsius": "°C", "degf": "°F", "fahrenheit": "°F", "kelvin": "K", "deg": "°", "degrees": "°"},
    **{"rad": "rad", "pct": "%", "perc": "%", "percent": "%", "usd": "USD", "eur": "EUR", "gbp": "GBP", "chf": "CHF"},
    **{"inches": "in", "feet": "ft", "miles": "mi", "lbs": "lb", "kmh": "km/h", "kph": "km/h", "lpm": "L/min"},
    **{"mm2": "mm²", "cm2": "cm²", "m2": "m²", "km2": "km²", "cm3": "cm³", "m3": "m³", "mpas": "mPa·s", "kva": "kVA"},
}
SEVERAL = {  # words
    **{"m s": "m/s", "mm s": "mm/s", "km h": "km/h", "m s2": "m/s²", "rad s": "rad/s", "deg s": "°/s", "n m": "N·m"},
    **{"kg m3": "kg/m³", "g cm3": "g/cm³", "g m3": "g/m³", "ug m3": "µg/m³", "mg l": "mg/L", "ug l": "µg/L"},
    **{"m3 h": "m³/h", "m3 s": "m³/s", "l min": "L/min", "l h": "L/h", "l s": "L/s", "kg h": "kg/h", "kg s": "kg/s"},
    **{
        "w m2": "W/m²",
        "kwh m2": "kWh/m²",
        "kw h": "kWh",
        "pa s": "Pa·s",
        "mpa s": "mPa·s",
        "deg c": "°C",
        "deg f": "°F",
    },
}
LETTERS = {  # units of one letter, which many names end in: after a word for what they measure
    "g": ("g", "mass weight"),
    "m": ("m", "length height width depth distance altitude elevation diameter radius thickness"),
    "s": ("s", "time duration"),
    "h": ("h", "time duration"),
    "k": ("K", "temp temperature"),
    "c": ("°C", "temp temperature"),
    "f": ("°F", "temp temperature"),
    "n": ("N", "force load thrust"),
    "w": ("W", "power"),
    "v": ("V", "voltage"),
    "a": ("A", "current"),
    "l": ("L", "volume"),
}
UNITS = OTHERWISE | {unit: unit for unit in AS_WRITTEN.split()}
UNITS |= {unit.lower(): unit for unit in AS_WRITTEN.split() if unit.lower() in IN_SMALL_LETTERS.split()}


def parted(name: str) -> tuple[str, str | None]:
    """Give a column's name without its unit, and the unit; the whole name and None where it states none."""
    if stated := re.search(BRACKETS, name):
        unit = stated.group(1)
        return (name[: stated.start()], unit) if not re.fullmatch(r"\d+|[a-z]{7,}", unit) else (name, None)
    if re.match(r"(?i:pct|perc|percent|percentage)([_\s.]|(?=[A-Z]))", name):
        return name, "%"
    words = [word for word in re.finditer(r"[^_\s]+", name) if word.group().lower() != "per"]
    if len(words) > 2 and (unit := SEVERAL.get(" ".join(word.group() for word in words[-2:]).lower())):
        return name[: words[-3].end()], unit
    if len(words) < 2:
        return name, None
    before, ending = (word.group() for word in words[-2:])
    letter, quantities = LETTERS.get(ending.lower(), ("", ""))
    unit = letter if before.lower() in quantities.split() else UNITS.get(ending) or UNITS.get(ending.lower())
    return (name[: words[-2].end()], unit) if unit else (name, None)
