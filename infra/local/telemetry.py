"""A sensor's end of the wire: MQTT over WebSocket to the local IoT endpoint, with a real MQTT client."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import paho.mqtt.client as mqtt

_CONNECT_SECONDS = 10.0


class Sensor:
    """A connected MQTT client that publishes telemetry."""

    def __init__(self, client: mqtt.Client) -> None:
        self._client = client

    def publish(self, topic: str, payload: bytes | str, *, timeout: float = 10.0) -> None:
        """Publishes at QoS 1 and returns when the broker has acknowledged. Raises TimeoutError."""
        sent = self._client.publish(topic, payload, qos=1)
        sent.wait_for_publish(timeout)
        if not sent.is_published():
            raise TimeoutError(f"no acknowledgement of {topic} within {timeout:g} s")

    def drop(self) -> None:
        """Breaks the connection without a goodbye, as a device without power does."""
        # The loop first: it would connect again.
        self._client.loop_stop()
        socket = self._client.socket()
        if socket is not None:
            socket.close()


@contextlib.contextmanager
def connected(port: int, client_id: str = "") -> Iterator[Sensor]:
    """Connects to the IoT endpoint of the local cloud on `port`. Raises ConnectionError."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, transport="websockets")
    # The host by which AWS IoT is addressed: the emulator routes by it.
    client.ws_set_options(path="/mqtt", headers={"Host": "data-ats.iot.us-east-1.amazonaws.com"})
    answered = threading.Event()
    client.on_connect = lambda *_: answered.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        if not answered.wait(_CONNECT_SECONDS) or not client.is_connected():
            raise ConnectionError(f"no MQTT connection to 127.0.0.1:{port} within {_CONNECT_SECONDS:g} s")
        yield Sensor(client)
    finally:
        client.disconnect()
        client.loop_stop()
