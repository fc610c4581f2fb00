# SPDX-License-Identifier: Apache-2.0
"""Between a memberd and its Redis: knows which answer belongs to which command, and can do with them what no
Redis can be made to do.

A connection is `data` until it subscribes, then `subscriber`. Each command of a data connection gets one answer, in
order; what comes to a subscriber is passed on as it comes."""
import asyncio
import contextlib
import socket
import struct
import threading

from memberd import DEADLINE, free_port
from redisd import decoded, reply_end

HANG = object()  # as an answer: none, ever; what comes after it waits, too
RESET = object()  # as an answer: the connection is reset in its place

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def error(text):
    return b"-" + text.encode() + b"\r\n"


def bulk(data):
    return b"$-1\r\n" if data is None else b"$%d\r\n%s\r\n" % (len(data), data)


class Link:
    """One connection of memberd with its own one to Redis."""

    def __init__(self, between, reader, writer):
        self.between, self.reader, self.writer = between, reader, writer
        self.up_writer = None
        self.subscriber = False
        self.waiting = []  # commands without an answer yet
        self.commands = 0

    @property
    def kind(self):
        return "subscriber" if self.subscriber else "data"

    async def run(self):
        try:
            if self.between.silent:
                await self.reader.read()  # takes all, answers nothing
                return
            up_reader, self.up_writer = await self.between.dial()
            down = asyncio.ensure_future(self._answers(up_reader))
            up = asyncio.ensure_future(self._commands())
            done, rest = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(*done, *rest, return_exceptions=True)
        except OSError:
            pass
        finally:
            self.cut()

    def cut(self, reset=False):
        for writer in (self.writer, self.up_writer):
            if writer is None:
                continue
            if reset:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            if reset:
                writer.transport.abort()
            else:
                writer.close()

    async def _commands(self):
        data = b""
        while more := await self.reader.read(1 << 16):
            data += more
            begin = 0
            while (end := reply_end(data, begin)) is not None:
                words = decoded(data, begin)[0]
                self._asked([words[0].decode().upper(), *words[1:]])
                self.up_writer.write(data[begin:end])
                begin = end
                if end == len(data):
                    break
            data = data[begin:]
            await self.up_writer.drain()

    def _asked(self, words):
        self.commands += 1
        self.between.asked[words[0]] = self.between.asked.get(words[0], 0) + 1
        if words[0] in ("SUBSCRIBE", "PSUBSCRIBE"):
            self.subscriber = True
        self.waiting.append(words)

    async def _answers(self, up_reader):
        data = b""
        while more := await up_reader.read(1 << 16):
            data += more
            begin = 0
            while begin < len(data) and (end := reply_end(data, begin)) is not None:
                await self._answered(data[begin:end])
                begin = end
            data = data[begin:]
            await self.writer.drain()

    async def _answered(self, answer):
        self.between.largest = max(self.between.largest, len(answer))
        if self.subscriber:
            if self.between.deaf:
                return
        elif self.waiting:
            answer = self.between.answer_of(self, self.waiting.pop(0), answer)
            if answer is HANG:
                await asyncio.Event().wait()
            if answer is RESET:
                self.cut(reset=True)
                return
        if self.between.delay:
            await asyncio.sleep(self.between.delay)
        if self.between.cut_after is not None:
            answer = answer[:self.between.cut_after]
            self.between.cut_after -= len(answer)
            if self.between.cut_after == 0:
                self.between.cut_after = None
                self.writer.write(answer)
                await self.writer.drain()
                self.cut()
                return
        self.writer.write(answer)


class Between:
    """On a TCP port of its own, before the Redis at `address`. Attributes may be changed at any time."""

    def __init__(self, address):
        self.address, self.port = address, free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.answers = {}       # by the name of a command: function (words, answer) -> bytes, HANG or RESET
        self.delay = 0          # seconds before each answer
        self.silent = False     # new connections are taken, and nothing is ever said on them
        self.deaf = False       # subscribers hear nothing; their connections live
        self.cut_after = None   # bytes of answers after which the connection in hand is cut
        self.asked = {}         # commands by name
        self.largest = 0        # bytes of the largest answer
        self.made = 0           # connections
        self.links = []
        self.server = None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.open()

    def _do(self, function):
        """Runs function (or awaits what it gives) on the loop."""
        async def run():
            result = function()
            return await result if asyncio.iscoroutine(result) else result
        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(DEADLINE)

    async def _serve(self, reader, writer):
        self.made += 1
        link = Link(self, reader, writer)
        self.links.append(link)
        await link.run()
        self.links.remove(link)

    async def dial(self):
        if isinstance(self.address, str):
            return await asyncio.open_unix_connection(self.address)
        return await asyncio.open_connection(*self.address)

    def answer_of(self, link, words, answer):
        hook = self.answers.get(words[0]) or self.answers.get("*")
        return answer if hook is None else hook(words, answer)

    # what happens to it

    def open(self):
        async def listen():
            self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        if self.server is None:
            self._do(listen)

    def refuse(self):
        """Nobody listens any more; connections that are there live."""
        def stop():
            self.server.close()
            self.server = None
        if self.server is not None:
            self._do(stop)

    def cut(self, kind=None, reset=False):
        """Ends all connections, or those of a kind: `data`, `subscriber`."""
        def end():
            links = [link for link in self.links if kind in (None, link.kind)]
            for link in links:
                link.cut(reset)
            return len(links)
        return self._do(end)

    def count(self, kind=None):
        return self._do(lambda: len([link for link in self.links if kind in (None, link.kind)]))

    def answer(self, name, hook):
        """From now on; a hook that is bytes answers always that."""
        self.answers[name] = hook if callable(hook) or hook is None else lambda words, answer: hook

    def well(self):
        """Passes everything on again, on new connections; those that hang are cut."""
        self.answers, self.delay, self.silent, self.deaf, self.cut_after = {}, 0, False, False, None
        self.open()

    def close(self):
        async def end():
            for link in list(self.links):
                link.cut(reset=True)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.refuse()
        self._do(end)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(DEADLINE)
        self.loop.close()
