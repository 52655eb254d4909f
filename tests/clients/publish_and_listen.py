"""Publishes messages to `lienthong.in`, waits for their receipts, and listens to `lienthong.events`, with an unmodified pika.

Reads from standard input one JSON object: {"url", "user", "events" (binding key), "seconds", "messages": [{"key", "type", "body",
"headers"?, "id"?, "user"?}]}. Writes a JSON line for each receipt, then one for each event heard, then {"done": true}.
"""

import json
import sys
import time

import pika


def main():
    task = json.load(sys.stdin)
    connection = pika.BlockingConnection(pika.URLParameters(task["url"]))
    channel = connection.channel()
    channel.confirm_delivery()
    heard = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(heard, "lienthong.events", task["events"])
    receipts = channel.queue_declare("", exclusive=True).method.queue
    for number, message in enumerate(task["messages"]):
        properties = pika.BasicProperties(
            content_type=message.get("type"),
            delivery_mode=2,
            reply_to=receipts,
            correlation_id=f"pika-{number:06}",
            message_id=message.get("id"),
            user_id=message.get("user", task["user"]),
            headers=message.get("headers"),
        )
        channel.basic_publish("lienthong.in", message["key"], message["body"].encode(), properties, mandatory=True)
    until = time.monotonic() + task["seconds"]
    waiting = len(task["messages"])
    while waiting and time.monotonic() < until:
        method, properties, body = channel.basic_get(receipts, auto_ack=True)
        if method is None:
            connection.process_data_events(0.02)
            continue
        waiting -= 1
        receipt = {"receipt": properties.correlation_id, "status": properties.headers["status"], "type": properties.content_type}
        print(json.dumps(receipt | {"body": body.decode()}), flush=True)
    wanted = task.get("heard", 0)
    while wanted and time.monotonic() < until:
        method, properties, body = channel.basic_get(heard, auto_ack=True)
        if method is None:
            connection.process_data_events(0.02)
            continue
        wanted -= 1
        event = {"key": method.routing_key, "id": properties.message_id, "type": properties.content_type}
        print(json.dumps({"event": event, "body": json.loads(body)}), flush=True)
    print(json.dumps({"done": True}), flush=True)
    connection.close()


main()
