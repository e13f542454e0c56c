"""The embedded MQTT broker: amqtt's listeners, and behind them sessions, access rights and the commit gate."""

from pulseline_broker.gate import Gate, Outgoing, Publish
from pulseline_broker.limits import Limits
from pulseline_broker.service import BrokerService, GateFailed

__all__ = ["BrokerService", "Gate", "GateFailed", "Limits", "Outgoing", "Publish"]
