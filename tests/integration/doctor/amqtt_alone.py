"""Runs amqtt as it comes, without anything of Pulseline's, on the port that the command line names."""

from __future__ import annotations

import asyncio
import logging
import sys

from amqtt.broker import Broker

#: Any name and password are let in, none is not: an anonymous client would get no session that is kept.
_CONFIG = {
    "plugins": {
        "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False},
        "amqtt.plugins.sys.broker.BrokerSysPlugin": {"sys_interval": 2},
    },
}


async def serve(port: int) -> None:
    """Run until the process is ended."""
    await Broker({"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, **_CONFIG}).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(serve(int(sys.argv[1])))
