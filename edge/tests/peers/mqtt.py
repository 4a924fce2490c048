"""A plain MQTT client (paho) that publishes what it is told: mqtt.py PORT [USER PASSWORD].

Commands, one a line:
  pub QOS RETAIN TOPIC PAYLOAD     PAYLOAD is the rest of the line; @HEX is taken for bytes; answers when the broker has it
  count QOS TOPIC FROM TO          publishes the numbers one by one
  many QOS TOPIC N                 publishes N topics TOPIC/0 ... with their number
  connect                          connects again, for ever
  watch FILTER                     subscribes
  seen                             what came since the last time, as JSON: [[topic, payload as text or hex, retained], ...]
"""

import json
import sys
import threading
import time

from paho.mqtt import client as paho

port = int(sys.argv[1])
seen = []
lock = threading.Lock()


def on_message(_client, _data, message):
    try:
        payload = message.payload.decode()
        if not payload.isprintable():
            raise ValueError
    except ValueError:
        payload = "@" + message.payload.hex()
    with lock:
        seen.append([message.topic, payload, bool(message.retain)])


client = paho.Client(client_id="", clean_session=True)
client.max_queued_messages_set(0)
client.max_inflight_messages_set(1000)
if len(sys.argv) > 3:
    client.username_pw_set(sys.argv[2], sys.argv[3])
client.on_message = on_message


def connect():
    while True:
        try:
            client.connect("127.0.0.1", port, keepalive=60)
            break
        except OSError:
            time.sleep(0.05)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)


def publish(topic, payload, qos, retain=False):
    return client.publish(topic, payload, qos=qos, retain=retain)


connect()
print(f"ready {port}")
for line in sys.stdin:
    word, _, rest = line.rstrip("\n").partition(" ")
    if word == "pub":
        qos, retain, topic, payload = (rest.split(" ", 3) + [""])[:4]
        data = bytes.fromhex(payload[1:]) if payload.startswith("@") else payload.encode()
        publish(topic, data, int(qos), retain == "1").wait_for_publish(30)
    elif word == "count":
        qos, topic, begin, end = rest.split(" ")
        last = None
        for n in range(int(begin), int(end) + 1):
            last = publish(topic, str(n), int(qos))
        last.wait_for_publish(30)
    elif word == "many":
        qos, topic, n = rest.split(" ")
        sent = [publish(f"{topic}/{i}", str(i), int(qos)) for i in range(int(n))]
        for each in sent:
            each.wait_for_publish(60)
    elif word == "connect":
        client.loop_stop()
        connect()
    elif word == "watch":
        client.subscribe(rest, 1)
    elif word == "seen":
        with lock:
            text = json.dumps(seen)
            seen.clear()
        print(text)
        continue
    print("ok")
client.disconnect()
