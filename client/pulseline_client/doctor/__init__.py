"""What an MQTT broker really does, seen from outside: probes, what they found, and what rests on it.

``examination.examine`` runs all probes against a ``BrokerAddress`` and returns an ``Examination``.
"""
