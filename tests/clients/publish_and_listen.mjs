// Publishes messages to `lienthong.in`, waits for their receipts, and listens to `lienthong.events`, with an unmodified amqplib.
// Reads and writes what publish_and_listen.py does.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const amqplib = createRequire(`${process.env.NODE_MODULES_OF}/`)("amqplib");
const task = JSON.parse(readFileSync(0, "utf8"));
const say = (line) => console.log(JSON.stringify(line));

const connection = await amqplib.connect(task.url);
const channel = await connection.createConfirmChannel();
const { queue: heard } = await channel.assertQueue("", { exclusive: true });
await channel.bindQueue(heard, "lienthong.events", task.events);
const { queue: receipts } = await channel.assertQueue("", { exclusive: true });

let waiting = task.messages.length;
let wanted = task.heard ?? 0;
const events = [];
const done = new Promise((resolve) => {
  const look = () => waiting <= 0 && wanted <= 0 && resolve();
  setTimeout(resolve, task.seconds * 1000).unref();
  channel.consume(receipts, (message) => {
    const { correlationId, contentType, headers } = message.properties;
    say({ receipt: correlationId, status: headers.status, type: contentType, body: message.content.toString() });
    waiting -= 1;
    look();
  }, { noAck: true });
  channel.consume(heard, (message) => {
    const { messageId: id, contentType: type } = message.properties;
    events.push({ event: { key: message.fields.routingKey, id, type }, body: JSON.parse(message.content.toString()) });
    wanted -= 1;
    look();
  }, { noAck: true });
});
task.messages.forEach((message, number) => {
  channel.publish("lienthong.in", message.key, Buffer.from(message.body), {
    contentType: message.type,
    persistent: true,
    mandatory: true,
    replyTo: receipts,
    correlationId: `node-${String(number).padStart(6, "0")}`,
    messageId: message.id,
    userId: message.user ?? task.user,
    headers: message.headers,
  });
});
await channel.waitForConfirms();
await done;
events.forEach(say);
say({ done: true });
await connection.close();
