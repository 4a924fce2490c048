"""An OPC UA server with one press, by asyncua. Commands on the standard input are words and JSON, one line each."""

import argparse
import asyncio
import datetime as real
import json
import logging
import socket
import sys
import time
import uuid
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server import address_space, internal_server, internal_subscription
from asyncua.server.history_sql import HistorySQLite
from asyncua.ua import uaprotocol_auto
from cryptography.x509.oid import ExtendedKeyUsageOID

URI = "http://gemba.example/press"
OFFSET = real.timedelta(0)
MUTE = False


class Clock(real.datetime):
    """The wall clock, set wrong by OFFSET."""

    @classmethod
    def now(cls, tz=None):
        return real.datetime.now(tz) + OFFSET


for module in (address_space, internal_server, uaprotocol_auto):
    module.datetime = Clock

publish = internal_subscription.InternalSubscription.publish_results


async def publish_results(self, requestdata=None):
    # What the server subscribes to itself, for its history, goes on.
    if MUTE and self.pub_request_callback is not None:
        return False
    return await publish(self, requestdata)


internal_subscription.InternalSubscription.publish_results = publish_results

POLICIES = {
    "none": ua.SecurityPolicyType.NoSecurity,
    "Basic256Sha256": ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    "Basic256Sha256Sign": ua.SecurityPolicyType.Basic256Sha256_Sign,
    "Aes128Sha256RsaOaep": ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    "Aes256Sha256RsaPss": ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
}

VARIABLES = [
    ("Spindle", "Load", ua.VariantType.Double, 1.5),
    ("Spindle", "Speed", ua.VariantType.Float, 0.5),
    ("", "Running", ua.VariantType.Boolean, True),
    ("", "PartCount", ua.VariantType.UInt32, 7),
    ("", "Small", ua.VariantType.SByte, -128),
    ("", "Byte", ua.VariantType.Byte, 255),
    ("", "Short", ua.VariantType.Int16, -32768),
    ("", "Word", ua.VariantType.UInt16, 65535),
    ("", "Int", ua.VariantType.Int32, -2147483648),
    ("", "Big", ua.VariantType.Int64, -9223372036854775808),
    ("", "Huge", ua.VariantType.UInt64, 18446744073709551615),
    ("", "Program", ua.VariantType.String, "O1234 Gehäuse"),
    ("", "When", ua.VariantType.DateTime, real.datetime(2026, 11, 24, 22, 30, 5, tzinfo=real.timezone.utc)),
    ("", "Order", ua.VariantType.Guid, uuid.UUID("72962b91-fa75-4ae6-8d28-b404dc7daf63")),
    ("", "Raw", ua.VariantType.ByteString, b"\x01\x02\x03"),
    ("", "Title", ua.VariantType.LocalizedText, ua.LocalizedText("Läuft", "de")),
    ("", "Name", ua.VariantType.QualifiedName, ua.QualifiedName("Load", 2)),
    ("", "Link", ua.VariantType.NodeId, ua.NodeId("Load", 2)),
    ("", "Code", ua.VariantType.StatusCode, ua.StatusCode(ua.StatusCodes.BadNoCommunication)),
    ("", "Axes", ua.VariantType.Double, [1.0, 2.5]),
    ("", "Limits", ua.VariantType.ExtensionObject, ua.Range(Low=1.0, High=2.0)),
    ("", "Empty", ua.VariantType.String, None),
]

NUMBERS = {"Spindle.Load": 1001, "PartCount": 1002}


class Users:
    def __init__(self, word):
        self.name, self.password = word.split(":")

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username == self.name and password == self.password:
            return User(role=UserRole.User)
        return None


class Press:
    def __init__(self, arguments):
        self.arguments = arguments
        self.nodes = {}
        self.types = {}

    async def start(self):
        arguments = self.arguments
        server = self.server = Server(user_manager=Users(arguments.user) if arguments.user else None)
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{arguments.port}/press")
        server.set_server_name("Press")
        await server.set_application_uri("urn:gemba.example:press")
        policies = arguments.policies.split(",")
        server.set_security_policy([POLICIES[word] for word in policies])
        if arguments.user:
            server.set_identity_tokens([ua.UserNameIdentityToken])
        if policies != ["none"]:
            await self.certificate(Path(arguments.pki))
        if arguments.distrust:

            async def refuse(certificate, description):
                raise ua.UaStatusCodeError(ua.StatusCodes.BadCertificateUntrusted)

            server.set_certificate_validator(refuse)
        if arguments.history:
            server.iserver.history_manager.set_storage(HistorySQLite(arguments.history))
            await server.iserver.history_manager.init()
        self.index = await server.register_namespace(URI)
        if arguments.nodeset:
            for file in arguments.nodeset.split(","):
                await server.import_xml(file)
        await self.populate()
        await server.start()

    async def certificate(self, pki):
        pki.mkdir(parents=True, exist_ok=True)
        await setup_self_signed_certificate(
            pki / "server-key.pem",
            pki / "server.der",
            "urn:gemba.example:press",
            "127.0.0.1",
            [ExtendedKeyUsageOID.SERVER_AUTH],
            {"commonName": "Press", "organizationName": "Gemba"},
        )
        await self.server.load_certificate(pki / "server.der")
        await self.server.load_private_key(pki / "server-key.pem")

    async def populate(self):
        objects = self.server.nodes.objects
        machines = await objects.add_folder(ua.NodeId("Machines", self.index), ua.QualifiedName("Machines", self.index))
        press = self.press = await machines.add_object(
            ua.NodeId("Press1", self.index), ua.QualifiedName("Press1", self.index)
        )
        spindle = await press.add_object(
            ua.NodeId("Press1.Spindle", self.index), ua.QualifiedName("Spindle", self.index)
        )
        await spindle.add_reference(press, ua.ObjectIds.Organizes)
        parents = {"": press, "Spindle": spindle}
        for parent, name, kind, value in VARIABLES:
            await self.add(parents[parent], f"{parent}.{name}".strip("."), name, ua.Variant(value, kind))
        load = self.nodes["Spindle.Load"]
        unit = ua.EUInformation(NamespaceUri="x", UnitId=1, DisplayName=ua.LocalizedText("%"))
        await load.add_property(ua.NodeId("Unit", self.index), ua.QualifiedName("EngineeringUnits", 0), unit)
        if self.arguments.history:
            await self.server.historize_node_data_change([load, self.nodes["PartCount"]], period=None, count=0)
        if self.arguments.secret:
            secret = await self.add(press, "Secret", "Secret", ua.Variant(1, ua.VariantType.Int32))
            for attribute in (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel):
                await secret.write_attribute(attribute, ua.DataValue(ua.Variant(2, ua.VariantType.Byte)))
        if self.arguments.bulk:
            bulk = await objects.add_folder(ua.NodeId("Bulk", self.index), ua.QualifiedName("Bulk", self.index))
            for number in range(self.arguments.bulk):
                name = f"N{number}"
                await self.add(bulk, name, name, ua.Variant(float(number), ua.VariantType.Double))

    async def add(self, parent, key, name, variant):
        # What is recorded has numbers: texts cannot be names of tables.
        identifier = NUMBERS.get(key, f"Press1.{key}")
        node = await parent.add_variable(
            ua.NodeId(identifier, self.index), ua.QualifiedName(name, self.index), variant
        )
        self.nodes[key] = node
        self.types[key] = variant.VariantType
        return node

    async def obey(self, line):
        global OFFSET, MUTE
        word, _, rest = line.partition(" ")
        if word == "set":
            for one in json.loads(rest):
                await self.set(**one)
        elif word == "add":
            await self.add(self.press, rest, rest, ua.Variant(1.0, ua.VariantType.Double))
        elif word == "delete":
            await self.server.delete_nodes([self.nodes.pop(rest)])
        elif word == "namespace":
            await self.server.register_namespace(rest)
        elif word == "bulk":
            for number in range(self.arguments.bulk):
                await self.set(f"N{number}", float(rest) + number)
        elif word == "clock":
            OFFSET = real.timedelta(seconds=float(rest))
        elif word == "mute":
            MUTE = rest == "on"
        elif word == "freeze":
            asyncio.get_running_loop().call_later(0.05, time.sleep, float(rest))
        elif word == "sessions":
            return str(self.server.iserver.isession._current_connections)
        else:
            return f"unknown: {word}"
        return "ok"

    async def set(self, node, value, status="Good", source=None, server=None, stamped=True):
        if value in ("NaN", "Infinity", "-Infinity"):
            value = float(value)
        at = lambda seconds: real.datetime.fromtimestamp(seconds, real.timezone.utc)
        now = Clock.now(real.timezone.utc) if stamped else None
        data = ua.DataValue(
            ua.Variant(value, self.types[node]),
            ua.StatusCode(getattr(ua.StatusCodes, status)),
            SourceTimestamp=at(source) if source is not None else (now if server is None else None),
            ServerTimestamp=at(server) if server is not None else now,
        )
        await self.server.write_attribute_value(self.nodes[node].nodeid, data)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--policies", default="none")
    parser.add_argument("--pki")
    parser.add_argument("--user")
    parser.add_argument("--history")
    parser.add_argument("--nodeset")
    parser.add_argument("--bulk", type=int, default=0)
    parser.add_argument("--secret", action="store_true")
    parser.add_argument("--distrust", action="store_true")
    arguments = parser.parse_args()
    if not arguments.port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            arguments.port = probe.getsockname()[1]
    logging.basicConfig(level=logging.CRITICAL)
    press = Press(arguments)
    await press.start()
    print(f"ready {arguments.port}", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().strip():
        try:
            answer = await press.obey(line)
        except Exception as error:
            answer = f"failed: {error!r}"
        print(answer.replace("\n", " "), flush=True)


asyncio.run(main())
