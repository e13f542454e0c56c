"""TLS towards an external broker: whom to believe, and who we are."""

from __future__ import annotations

import ssl
from typing import Final

from pulseline_core.errors import InvalidSetting
from pulseline_core.settings import MqttSettings

#: What to do where a broker's certificate is not good.
CERTIFICATE_HINT: Final = "see PULSELINE_MQTT_CA_FILE, or ca_file of [mqtt] in the settings file"


def build_tls(mqtt: MqttSettings) -> ssl.SSLContext | None:
    """Return what a connection to the broker is to be encrypted with, ``None`` where its URL does not ask for TLS.

    The broker's certificate has to be valid and has to name the host of the URL; there is no way around that.

    Raises:
        InvalidSetting: a file can not be read, or holds no certificate or key.
    """
    if not mqtt.is_tls:
        return None
    context = ssl.create_default_context()
    if mqtt.ca_file is not None:
        try:
            context = ssl.create_default_context(cafile=mqtt.ca_file)
        except OSError as error:  # SSLError is one
            raise InvalidSetting(
                "mqtt.ca_file", f"is {str(mqtt.ca_file)!r}: {_describe(error, 'it holds no certificate')}"
            ) from error
    if mqtt.certificate_file is not None:
        try:
            context.load_cert_chain(mqtt.certificate_file, mqtt.key_file)
        except OSError as error:
            name = str(mqtt.certificate_file)
            raise InvalidSetting(
                "mqtt.certificate_file", f"is {name!r}: {_describe(error, 'it and its key do not fit')}"
            ) from error
    return context


def describe_certificate(error: ssl.SSLCertVerificationError) -> str:
    """Return what is wrong with a broker's certificate, to go on after the broker's name."""
    return f"its certificate is not good: {error.verify_message.rstrip('.')}"


def _describe(error: OSError, problem: str) -> str:
    if isinstance(error, ssl.SSLError):
        return problem
    return (error.strerror or str(error)).lower()
