"""A network that resets, stalls, splits, duplicates, holds back and swallows stands between all parts."""

from __future__ import annotations

import os
import random
import secrets
import threading
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from tests.e2e.beside_mosquitto import build_up
from tests.mosquitto import PASSWORD, Mosquitto
from tests.postgres_server import PostgresServer
from tests.storm.assembly import Assembly
from tests.storm.crowd import LIBRARY, run_crowd
from tests.storm.packets import MqttCutter, NoCutter
from tests.storm.promises import CATCH_UP_S, check_promises
from tests.storm.proxy import ANY_STREAM, MQTT, Proxy
from tests.storm.pulse import Pulse
from tests.storm.system import wait_until

#: How long it lasts; ``scripts/storm`` sets more.
STORM_S = float(os.environ.get("STORM_S", "120"))

#: What happens when, as far as chance in here has a say; another one each time unless it is set.
SEED = os.environ.get("STORM_SEED", "")

#: When one link after the other falls silent, as shares of the storm; there is time to notice before the next one does.
SILENCES = 0.15, 0.4, 0.65

#: An outbox that does not move for longer is stuck: a link that falls silent costs half a minute, and what happens to
#: the others at the same time comes on top.
MAX_STILL_S = 90.0


@pytest.mark.timeout(STORM_S + 180)
def test_nothing_is_lost_doubled_or_stuck_in_a_bad_network(tmp_path: Path) -> None:
    """Between publishers and broker, broker and ingest, ingest and database; no outbox stops moving."""
    seed = SEED or secrets.token_hex(4)
    print(f"STORM_SEED={seed}")
    chance = random.Random(seed)
    pause = threading.Event()

    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer())
        mosquitto = stack.enter_context(Mosquitto(folder=tmp_path / "mosquitto"))
        proxies = {
            "publishers": Proxy(mosquitto.port, faults=MQTT, every_s=2.0, build_cutter=MqttCutter, chance=chance),
            "ingest": Proxy(mosquitto.port, faults=MQTT, every_s=2.0, build_cutter=MqttCutter, chance=chance),
            "database": Proxy(server.socket, faults=ANY_STREAM, every_s=5.0, build_cutter=NoCutter, chance=chance),
        }
        for proxy in proxies.values():
            stack.enter_context(proxy)
        database = server.make_url(f"127.0.0.1:{proxies['database'].port}")
        broker = f"mqtt://pulseline-ingest@127.0.0.1:{proxies['ingest'].port}"
        system = stack.enter_context(build_up(tmp_path / "home", mosquitto, "--database", database, url=broker))
        crowd = stack.enter_context(run_crowd(tmp_path, proxies["publishers"].port, ("device", PASSWORD), pause_s=0.01))
        wait_until(crowd.has_begun, timeout_s=CATCH_UP_S, what="the first event of each publisher")
        pulse = Pulse([tmp_path / f"{bucket_id}.outbox.db" for bucket_id in LIBRARY])
        for proxy in proxies.values():
            proxy.rage()

        began = monotonic()
        silences = dict(zip(SILENCES, chance.sample(list(proxies.values()), len(proxies)), strict=True))
        while (share := (monotonic() - began) / STORM_S) < 1:
            for moment in [moment for moment in silences if share > moment]:
                silences.pop(moment).deafen()
            pause.wait(0.2)
            crowd.check_alive()
            pulse.feel()

        for name, proxy in proxies.items():
            proxy.calm()
            print(f"{name}: {dict(proxy.counts)}")
        print(f"no outbox stood still for longer than {pulse.longest_s:.1f} s")
        crowd.kill()
        count = check_promises(
            Assembly(system=system, port=crowd.port, user=crowd.user, parts={}, keeps_word=True), crowd
        )
        assert pulse.longest_s < MAX_STILL_S
        assert count > 10 * STORM_S
