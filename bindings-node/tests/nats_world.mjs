// A real nats-server, with the control plane's streams, seen through @nats-io: another client than ours.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect as open } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const STREAMS = [
  { name: "messages", subjects: ["resources.>", "events.>", "drivers.>"], retention: "interest" },
  { name: "pipeline-engine", subjects: ["pipelines.>"], retention: "limits" },
  { name: "logs-engine", subjects: ["logs.>"], retention: "limits" },
];

/** The nats-server; the tests cannot do without one. */
function serverProgram() {
  const besides = fileURLToPath(new URL("../../.venv/bin/nats-server", import.meta.url));
  return process.env.NATS_SERVER ?? (existsSync(besides) ? besides : "nats-server");
}

/** One server, and what the control plane does on it. */
export class NatsWorld {
  static async start() {
    const world = new NatsWorld();
    world.port = await freePort();
    world.url = `nats://127.0.0.1:${world.port}`;
    world.store = mkdtempSync(path.join(tmpdir(), "conveyor-node-"));
    const args = ["-js", "-a", "127.0.0.1", "-p", String(world.port), "-sd", world.store];
    world.server = spawn(serverProgram(), args, { stdio: "ignore" });
    await until(() => canConnect(world.port), "the nats-server does not start");
    world.client = await connect({ servers: world.url });
    world.manager = await jetstreamManager(world.client);
    world.stream = jetstream(world.client);
    for (const stream of STREAMS) {
      await world.manager.streams.add(stream);
    }
    return world;
  }

  async end() {
    await this.client.close();
    const gone = new Promise((resolve) => this.server.once("exit", resolve));
    this.server.kill("SIGKILL");
    await gone;
    rmSync(this.store, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose]() {
    await this.end();
  }

  /** Posts an event for each run id, in their order. */
  async post(runs, options) {
    for (const run of runs) {
      await this.postAtOnce([run], options);
    }
  }

  /** The same, side by side. */
  async postAtOnce(runs, { resource = "greeting", spec = null, payload } = {}) {
    const publish = (run) => {
      const text = payload ?? JSON.stringify({ id: "", name: run, resource, metadata: {}, spec });
      const message = { event: "create", payload: text, id: run, run_id: run };
      return this.stream.publish(`resources.${resource}`, JSON.stringify(message));
    };
    await Promise.all(runs.map(publish));
  }

  /** The results that are stored, by run id. */
  async results() {
    const found = {};
    for (const { run_id, driverresult } of await this.#stored("pipeline-engine")) {
      (found[run_id] ??= []).push(driverresult);
    }
    return found;
  }

  /** The text of the stored log lines, by run id. */
  async lines() {
    const found = {};
    for (const { runid, message } of await this.#stored("logs-engine")) {
      (found[runid] ??= []).push(message);
    }
    return found;
  }

  /** Waits until each of these runs has its result. */
  async answered(runs) {
    const all = async () => {
      const results = await this.results();
      return runs.every((run) => run in results) && results;
    };
    return until(all, `no results of ${runs}`);
  }

  /** Waits until a driver is there. */
  async driver(name) {
    return until(() => this.manager.consumers.info("messages", name).catch(() => false), `no driver ${name}`);
  }

  async #stored(stream) {
    const { state } = await this.manager.streams.info(stream);
    if (state.messages === 0) {
      return [];
    }
    const consumer = await this.stream.consumers.get(stream);
    const messages = await consumer.fetch({ max_messages: state.messages, expires: 10_000 });
    const found = [];
    for await (const message of messages) {
      found.push(message.json());
    }
    return found;
  }
}

/** Waits until something is there. */
export async function until(there, complaint, withinMs = 60_000) {
  const end = Date.now() + withinMs;
  for (;;) {
    const found = await there();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(complaint);
    }
    await sleep(20);
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function canConnect(port) {
  return new Promise((resolve) => {
    const socket = open(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket.destroy() && true));
    socket.once("error", () => resolve(false));
  });
}
