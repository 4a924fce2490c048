"""A Modbus server of pymodbus, over TCP with Modbus frames or RTU frames, or on a pseudo-terminal.

Words: `tcp`, `rtu` (RTU frames over TCP) or `serial` (RTU frames on a pseudo-terminal, whose path the command `path` tells), and a
port, 0 for a free one.

Commands, one a line, each answered by `ok`:
  fill UNIT TABLE COUNT          makes addresses 0 to COUNT-1, each with its own number (bits: 0)
  set UNIT TABLE ADDRESS VALUE…  sets registers or bits
  illegal UNIT TABLE ADDRESS     takes an address away (legal: gives it back)
  exception UNIT CODE            answers every request to the unit with this exception (0: no more)
  forget UNIT                    takes a unit away
  delay SECONDS                  answers later
  mode MODE                      ok, silent, garbage, half, unit (answers under another unit's name)
  drop                           closes all connections
  asked                          answers how many requests came, and forgets them
  writes                         answers how many requests were not reads
"""

import asyncio
import logging
import os
import socket
import sys
import threading
import tty

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.datastore import ModbusServerContext
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer

logging.disable(logging.CRITICAL)
TABLES = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


class Plant(ModbusServerContext):
    """Devices that do as they are told."""

    def __init__(self):
        self.old_simulator = True
        self.simdevices = []
        self.devices = {}
        self.illegal = set()
        self.exceptions = {}
        self.delay = 0.0
        self.mode = "ok"
        self.asked = 0
        self.writes = 0

    def device_ids(self):
        return list(self.devices)

    async def async_getValues(self, device_id, func_code, address, count=1):
        self.asked += 1
        if device_id not in self.devices:
            raise NoSuchIdException("no such unit")
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.exceptions.get(device_id):
            return ExcCodes(self.exceptions[device_id])
        table = self.devices[device_id].get(func_code, {})
        out = []
        for at in range(address, address + count):
            if at not in table or (device_id, func_code, at) in self.illegal:
                return ExcCodes.ILLEGAL_ADDRESS
            out.append(table[at])
        return [bool(value) for value in out] if func_code < 3 else out

    async def async_setValues(self, device_id, func_code, address, values):
        self.writes += 1
        return ExcCodes.ILLEGAL_FUNCTION

    def packet(self, sending, data):
        if not sending:
            return data
        if self.mode == "silent":
            return b""
        if self.mode == "garbage":
            return b"\x15\x03HTTP/1.1 400 Bad Request\r\n\r\n" + data[::-1]
        if self.mode == "half":
            return data[: len(data) // 2]
        if self.mode == "unit":
            at = 6 if len(data) > 6 and data[2:4] == b"\0\0" else 0
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        return data

    def table(self, unit, table):
        return self.devices.setdefault(int(unit), {}).setdefault(TABLES[table], {})


class Peer:
    def __init__(self, plant):
        self.plant = plant
        self.server = None
        self.path = ""

    def do(self, words):
        plant, verb, rest = self.plant, words[0], words[1:]
        if verb == "fill":
            bits = rest[1] in ("coil", "discrete")
            plant.table(rest[0], rest[1]).update({at: 0 if bits else at & 0xFFFF for at in range(int(rest[2]))})
        elif verb == "set":
            first = int(rest[2])
            plant.table(rest[0], rest[1]).update({first + at: int(value, 0) for at, value in enumerate(rest[3:])})
        elif verb in ("illegal", "legal"):
            key = (int(rest[0]), TABLES[rest[1]], int(rest[2]))
            (plant.illegal.add if verb == "illegal" else plant.illegal.discard)(key)
        elif verb == "exception":
            plant.exceptions[int(rest[0])] = int(rest[1])
        elif verb == "forget":
            plant.devices.pop(int(rest[0]), None)
        elif verb == "delay":
            plant.delay = float(rest[0])
        elif verb == "mode":
            plant.mode = rest[0]
        elif verb == "drop":
            for connection in list(self.server.active_connections.values()):
                connection.close()
        elif verb == "asked":
            count, plant.asked = plant.asked, 0
            return str(count)
        elif verb == "writes":
            return str(plant.writes)
        elif verb == "path":
            return self.path
        else:
            return f"no such command {verb}"
        return "ok"


def open_line(port):
    """A pseudo-terminal whose bytes go to and from the server. Returns the path of its other end."""
    master, slave = os.openpty()
    tty.setraw(slave)
    wire = socket.create_connection(("127.0.0.1", port))

    def carry(take, give):
        try:
            while data := take(1024):
                give(data)
        except OSError:
            pass

    threading.Thread(target=carry, args=(lambda most: os.read(master, most), wire.sendall), daemon=True).start()
    threading.Thread(target=carry, args=(wire.recv, lambda data: os.write(master, data)), daemon=True).start()
    return os.ttyname(slave)


async def main():
    how, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    peer = Peer(Plant())
    framer = FramerType.SOCKET if how == "tcp" else FramerType.RTU
    address = ("127.0.0.1", port)
    peer.server = ModbusTcpServer(peer.plant, framer=framer, address=address, trace_packet=peer.plant.packet)
    await peer.server.serve_forever(background=True)
    port = peer.server.transport.sockets[0].getsockname()[1]
    if how == "serial":
        peer.path = await asyncio.to_thread(open_line, port)
    print(f"ready {port}", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            answer = peer.do(line.decode().split())
        except Exception as error:  # told to the test instead of ending the peer
            answer = f"failed: {error!r}"
        print(answer, flush=True)


asyncio.run(main())
