"""The probes, a file a family."""

from __future__ import annotations

from typing import Final

from pulseline_client.doctor.probes.access import AccessProbe
from pulseline_client.doctor.probes.liveness import LivenessProbe
from pulseline_client.doctor.probes.order import OrderProbe
from pulseline_client.doctor.probes.protocol import ProtocolProbe
from pulseline_client.doctor.probes.queueing import QueueProbe
from pulseline_client.doctor.probes.redelivery import RedeliveryProbe
from pulseline_client.doctor.probes.restart import RestartProbe
from pulseline_client.doctor.probes.retained import RetainedProbe
from pulseline_client.doctor.probes.shared import SharedProbe
from pulseline_client.doctor.probes.size import SizeProbe
from pulseline_client.doctor.probes.system_topics import SystemTopicsProbe
from pulseline_client.doctor.probes.takeover import TakeOverProbe
from pulseline_client.doctor.probes.window import WindowProbe

#: Those that mostly wait: beside each other.
PATIENT_PROBES: Final = (
    ProtocolProbe(),
    RedeliveryProbe(),
    LivenessProbe(),
    SystemTopicsProbe(),
)

#: Those that keep a broker busy, or try what may upset it: one after the other.
BUSY_PROBES: Final = (
    OrderProbe(),
    QueueProbe(),
    WindowProbe(),
    TakeOverProbe(),
    RetainedProbe(),
    SizeProbe(),
    AccessProbe(),
    SharedProbe(),
)

#: The one that ends the broker.
LAST_PROBE: Final = RestartProbe()

__all__ = ["BUSY_PROBES", "LAST_PROBE", "PATIENT_PROBES"]
