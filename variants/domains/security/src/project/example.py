"""The example data: simulated network flows of 200 hosts, with scans, floods and exfiltration among normal traffic.

A flow is what RFC 7011 (IPFIX) exports of one connection: duration, packets and bytes in each direction. Normal flows
have log-normal sizes and durations, as measured traffic has them (Paxson, 1994); a scan touches many ports with a
packet or two, a flood sends many small packets that nobody answers, exfiltration sends far more than it receives,
slowly. No network was observed.
"""

import numpy as np
import pandas as pd

FLOWS = 8_000
HOSTS = 200
KINDS = ("normal", "scan", "flood", "exfiltration")
SHARES = (0.85, 0.07, 0.05, 0.03)
HEADER = 40  # bytes of an IP and TCP header without options: no packet is smaller
MTU = 1_500  # bytes: no packet is larger
# Of each kind: packets sent, bytes of a sent packet, packets received for each sent one, seconds, ports touched in the
# last minute; each the median and the spread of the logarithm.
SIGNATURES = {
    "normal": ((14, 1.1), (220, 0.8), (1.2, 0.5), (1.5, 1.5), (2, 0.5)),
    "scan": ((2, 0.3), (44, 0.1), (0.5, 0.6), (0.05, 0.8), (90, 0.8)),
    "flood": ((900, 0.8), (60, 0.3), (0.04, 0.8), (4, 0.8), (1, 0.2)),
    "exfiltration": ((400, 0.9), (1_150, 0.2), (0.3, 0.3), (60, 1.0), (1, 0.4)),
}


def load(seed: int) -> pd.DataFrame:
    """Give 8,000 flows in the order of their begin, the same for the same seed."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(KINDS, size=FLOWS, p=SHARES)
    tables = np.array([[value for pair in SIGNATURES[k] for value in pair] for k in kind])
    medians, spreads = tables[:, ::2], tables[:, 1::2]
    packets, size, answers, seconds, ports = (medians * rng.lognormal(0, spreads)).T
    sent, received = packets.round().clip(1), (packets * answers).round()
    bytes_sent = (sent * size.clip(HEADER, MTU)).round()
    bytes_received = (received * (500 * rng.lognormal(0, 0.7, FLOWS)).clip(HEADER, MTU)).round()
    working_hours = rng.normal(13, 3, FLOWS) % 24
    hour = np.where(kind == "normal", working_hours, rng.uniform(0, 24, FLOWS))  # an attacker does not sleep
    begun = np.sort(rng.integers(0, 28, FLOWS)) + hour / 24
    web = rng.choice([443, 80, 53, 22, 25], size=FLOWS, p=[0.6, 0.12, 0.2, 0.05, 0.03])
    other = rng.integers(1024, 65_536, FLOWS)
    table = pd.DataFrame(
        {
            "begun_at": pd.Timestamp("2026-02-02") + pd.to_timedelta((begun * 86_400).round(), unit="s"),
            "host": [f"h{number:03d}" for number in rng.integers(1, HOSTS + 1, FLOWS)],
            "protocol": np.where((web == 53) & (kind == "normal"), "udp", "tcp"),
            "destination_port": np.where((kind == "scan") | (rng.random(FLOWS) < 0.1), other, web),
            "internal": rng.random(FLOWS) < np.where(kind == "exfiltration", 0.0, 0.4),
            "duration": seconds.round(3),
            "packets_sent": sent.astype(int),
            "packets_received": received.astype(int),
            "bytes_sent": bytes_sent.astype(int),
            "bytes_received": bytes_received.astype(int),
            "ports_in_last_minute": ports.round().clip(1).astype(int),
            "kind": kind,
        }
    ).sort_values("begun_at", ignore_index=True)
    table["begun_at"] = table["begun_at"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    table.insert(0, "flow", np.arange(1, FLOWS + 1))
    return table
