"""Which versions of MQTT the broker speaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulseline_client.doctor.bench import Area
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.link import LinkLost, LinkRefused, LinkSilent
from pulseline_client.doctor.packets import MQTT_5, Connect
from pulseline_core.types import JSONObject, JSONValue

#: What is told of the broker's properties, in the order of importance.
_SHOWN: Final = {"receive_maximum": "receive maximum {}", "maximum_packet_bytes": "packets up to {} bytes"}


class ProtocolProbe:
    """Asks for a connection in each version; that of 3.1.1 was made before any probe ran."""

    name = "protocol"

    def run(self, area: Area) -> Iterator[Finding]:
        """Ask."""
        yield Finding(
            check="MQTT 3.1.1",
            verdict=Verdict.HOLDS,
            observed="spoken",
            guarantee=Guarantee.END_TO_END,
            meaning="Clients, ingest and nearly every device can connect.",
        )
        try:
            with area.dial("five", Connect(level=MQTT_5)) as link:
                area.bench.speaks_5 = True
                yield judge_version_5(properties=link.connack.properties)
        except LinkRefused as error:
            yield judge_version_5(refusal=error.code)
        except LinkSilent:
            yield judge_version_5(is_silent=True)
        except LinkLost:
            yield judge_version_5()


def judge_version_5(
    *, properties: dict[str, JSONValue] | None = None, refusal: int | None = None, is_silent: bool = False
) -> Finding:
    """Say what an answer to an MQTT 5 CONNECT means; with no argument, the broker closed the connection."""
    verdict, meaning = Verdict.NOTE, "Pulseline speaks 3.1.1 here; a device that insists on MQTT 5 has to be set to it."
    facts: JSONObject = {"spoken": properties is not None}
    if properties is not None:
        details = [text.format(properties[name]) for name, text in _SHOWN.items() if name in properties]
        verdict, observed = Verdict.HOLDS, ", ".join(["spoken", *details])
        meaning = "Refusals come with a reason, and clients can say how much they take at once."
        facts["properties"] = dict(properties)
    elif is_silent:
        verdict, observed = Verdict.PARTLY, "no answer to a CONNECT with a property"
        meaning = "A client that is set to MQTT 5 hangs: set it to 3.1.1."
    elif refusal is None:
        observed = "the connection is closed without a word"
    else:
        observed = f"refused at once (0x{refusal:02x})"
    return Finding(
        check="MQTT 5", verdict=verdict, observed=observed, guarantee=Guarantee.NOTHING, meaning=meaning, facts=facts
    )
