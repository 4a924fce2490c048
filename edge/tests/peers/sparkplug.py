"""An edge node of Sparkplug B (pysparkplug): sparkplug.py PORT GROUP NODE.

It publishes its birth when it is told to, answers rebirth requests, and counts its messages. Commands, one a line:
  node METRICS          what the node has; METRICS is JSON: [[name, type, value, {"alias": 1, "time": ms, "null": true,
                        "historical": true}?], ...]; types are those of the specification (Int8, Double, ...)
  device NAME METRICS   what a device has
  connect               connects (with a will) and is born; answers when the broker has it
  data NAME METRICS     values of a device, or of the node when NAME is -
  skip N                the next message leaves out N numbers
  hold | release        keeps messages back, and sends them in reversed order
  dead NAME             a device is gone
  births                how many births it sent
  rebirths on|off       whether it answers rebirth requests
  asked                 how many rebirth requests came
  clock MS              its clock is off by that much from now on
  raw TOPIC HEX         publishes anything
  leave                 its last will by its own hand, and disconnects
"""

import json
import select
import sys
import time
from datetime import datetime, timezone

import pysparkplug as spark
from paho.mqtt import client as paho
from pysparkplug import DataType, Metric

port, group, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Node:
    def __init__(self):
        self.metrics, self.devices = [], {}
        self.seq, self.bd_seq, self.asked, self.answers = 0, -1, 0, True
        self.offset, self.held = 0, None
        self.client = None
        self.births = 0

    def now(self):
        return int(time.time() * 1000) + self.offset

    def number(self):
        self.seq = (self.seq + 1) % 256
        return self.seq

    def metric(self, described, birth):
        metric_name, kind, value, *more = described
        more = more[0] if more else {}
        alias = more.get("alias")
        if kind == "Float" or kind == "Double":
            value = float(value) if value is not None else None
        if kind == "Bytes" and value is not None:
            value = bytes.fromhex(value)
        if kind == "DateTime" and value is not None:
            value = datetime.fromtimestamp(value / 1000, tz=timezone.utc)
        if isinstance(value, list):
            value = tuple(value)
        return Metric(
            timestamp=more.get("time", self.now()),
            name=metric_name if birth or alias is None else None,
            datatype=getattr(DataType, snake(kind)),
            value=value,
            alias=alias,
            is_null=more.get("null", value is None),
            is_historical=more.get("historical", False),
        )

    def topic(self, kind, device=None):
        return f"spBv1.0/{group}/{kind}/{name}" + (f"/{device}" if device else "")

    def send(self, topic, payload, qos=0):
        if self.held is not None:
            self.held.append((topic, payload))
            return
        self.client.publish(topic, payload, qos=qos).wait_for_publish(30)

    def bd_metric(self):
        return Metric(timestamp=self.now(), name="bdSeq", datatype=DataType.INT64, value=self.bd_seq)

    def death(self):
        return spark.NDeath(timestamp=self.now(), bd_seq_metric=self.bd_metric()).encode()

    def birth(self):
        self.births += 1
        self.seq = 0
        control = Metric(
            timestamp=self.now(), name="Node Control/Rebirth", datatype=DataType.BOOLEAN, value=False
        )
        metrics = (self.bd_metric(), control, *(self.metric(each, True) for each in self.metrics))
        payload = spark.NBirth(timestamp=self.now(), seq=0, metrics=metrics)
        self.send(self.topic("NBIRTH"), payload.encode(include_dtypes=True))
        for device in self.devices:
            self.device_birth(device)

    def device_birth(self, device):
        metrics = tuple(self.metric(each, True) for each in self.devices[device])
        payload = spark.DBirth(timestamp=self.now(), seq=self.number(), metrics=metrics)
        self.send(self.topic("DBIRTH", device), payload.encode(include_dtypes=True))

    def data(self, device, described):
        metrics = tuple(self.metric(each, False) for each in described)
        make = spark.NData if device == "-" else spark.DData
        payload = make(timestamp=self.now(), seq=self.number(), metrics=metrics)
        topic = self.topic("NDATA") if device == "-" else self.topic("DDATA", device)
        self.send(topic, payload.encode(include_dtypes=True))

    def connect(self):
        if self.client is not None:
            self.client.disconnect()
            self.client.loop_stop()
        self.bd_seq = (self.bd_seq + 1) % 256
        self.client = paho.Client(client_id="", clean_session=True)
        self.client.will_set(self.topic("NDEATH"), self.death(), qos=1, retain=False)
        self.client.on_message = self.command
        while True:
            try:
                self.client.connect("127.0.0.1", port, keepalive=60)
                break
            except OSError:
                time.sleep(0.05)
        self.client.subscribe(self.topic("NCMD"), 1)
        self.client.loop_start()
        while not self.client.is_connected():
            time.sleep(0.01)
        self.birth()

    def command(self, _client, _data, message):
        payload = spark.NCmd.decode(message.payload)
        if any(each.name == "Node Control/Rebirth" and each.value is True for each in payload.metrics):
            self.asked += 1
            wanted.append(True)


def snake(kind):
    out = ""
    for at, c in enumerate(kind):
        if c.isupper() and at and not kind[at - 1].isupper():
            out += "_"
        out += c.upper()
    return out.replace("DATE_TIME", "DATETIME")


wanted = []
node = Node()
print(f"ready {port}")


def lines():
    """Commands, and rebirths in between."""
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0.02)
        if wanted and node.answers:
            wanted.clear()
            node.birth()
        if ready:
            line = sys.stdin.readline()
            if not line:
                return
            yield line


for line in lines():
    word, _, rest = line.rstrip("\n").partition(" ")
    if word == "node":
        node.metrics = json.loads(rest)
    elif word == "device":
        device, _, metrics = rest.partition(" ")
        new = device not in node.devices
        node.devices[device] = json.loads(metrics)
        if node.client is not None and new:
            node.device_birth(device)
    elif word == "connect":
        node.connect()
    elif word == "data":
        device, _, metrics = rest.partition(" ")
        node.data(device, json.loads(metrics))
    elif word == "skip":
        node.seq = (node.seq + int(rest)) % 256
    elif word == "hold":
        node.held = []
    elif word == "release":
        held, node.held = node.held, None
        for topic, payload in reversed(held):
            node.send(topic, payload)
    elif word == "dead":
        payload = spark.DDeath(timestamp=node.now(), seq=node.number())
        node.send(node.topic("DDEATH", rest), payload.encode())
        del node.devices[rest]
    elif word == "rebirths":
        node.answers = rest == "on"
    elif word == "asked":
        print(node.asked)
        continue
    elif word == "births":
        print(node.births)
        continue
    elif word == "clock":
        node.offset = int(rest)
    elif word == "raw":
        topic, payload = rest.rsplit(" ", 1)
        node.client.publish(topic, bytes.fromhex(payload)).wait_for_publish(30)
    elif word == "leave":
        node.send(node.topic("NDEATH"), node.death(), qos=1)
        node.client.disconnect()
        node.client.loop_stop()
        node.client = None
    print("ok")
