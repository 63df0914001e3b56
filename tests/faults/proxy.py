"""A TCP proxy in this process that hurts what goes through it: slow, narrow, cut, half-open, away."""

import asyncio
import socket
import threading

from connectors.nats_server import free_port


class Proxy:
    """Between an engine and a nats-server; the attributes may be changed at any time.

    Args:
        port: of the server on loopback.

    Attributes:
        delay_s: added to each direction.
        bytes_per_s: at most, each direction of each connection; None is unbounded.
        silent: nothing is passed on, and nothing is closed: both sides believe in a connection that is not there.
        away: connections are refused, as if no server were there.
    """

    def __init__(self, port):
        self.target, self.port = port, free_port()
        self.delay_s, self.bytes_per_s, self.silent, self.away = 0.0, None, False, False
        self._connections = set()
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)

    def _run(self, started):
        async def serve():
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            started.set()

        self._loop.create_task(serve())
        self._loop.run_forever()

    async def _accept(self, reader, writer):
        if self.away:
            self._reset(writer)
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        pair = (writer, up_writer)
        self._connections.add(pair)
        try:
            await asyncio.gather(self._pass(reader, up_writer), self._pass(up_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(pair)
            for one in pair:
                one.close()

    async def _pass(self, reader, writer):
        while data := await reader.read(16384):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if self.bytes_per_s:
                await asyncio.sleep(len(data) / self.bytes_per_s)
            while self.silent:
                await asyncio.sleep(0.1)
            writer.write(data)
            await writer.drain()
        writer.close()

    def cut(self):
        """Reset every connection (RST, not FIN)."""

        def work():
            for pair in list(self._connections):
                for writer in pair:
                    self._reset(writer)

        self._loop.call_soon_threadsafe(work)

    def _reset(self, writer):
        inside = writer.get_extra_info("socket")
        if inside is not None:
            # Linger for 0 s: close() sends RST.
            inside.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        writer.transport.abort()

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
