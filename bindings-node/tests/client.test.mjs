// The client of the API, and that of a run.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { test } from "node:test";

import { Client, ConveyorError, Driver, DriverManager, DriverResult } from "conveyor-driver";
import { EmbeddedStream } from "conveyor-driver/testing";

/** A small API: `answers` has a status and a document for each line, or a function that sends by itself. */
async function stub(t, answers) {
  const asked = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) {
      text += piece;
    }
    const line = `${request.method} ${request.url}`;
    asked.push({ line, body: text ? JSON.parse(text) : undefined });
    const answer = answers[line];
    if (typeof answer === "function") {
      answer(response);
      return;
    }
    const [status, document] = answer ?? [404, `Cannot ${line}`];
    const kind = typeof document === "string" ? "text/plain" : "application/json";
    response.writeHead(status, { "content-type": kind });
    response.end(typeof document === "string" ? document : JSON.stringify(document));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

const rejects = (promise, code) => assert.rejects(promise, (error) => error instanceof ConveyorError && error.code === code);

test("every call asks for what its name says", async (t) => {
  const definition = { name: "demo", schema: {} };
  const answers = {
    "POST /resources/": [201, { message: "ok", name: "d1", runid: "r1", version: "1" }],
    "GET /resources/demo/d1": [200, { name: "d1", resource: "demo", spec: { n: 1 } }],
    "GET /resources/demo/d1/1": [200, { name: "d1" }],
    "PUT /resources/demo/d1": [200, { name: "d1", metadata: { version: "2" } }],
    "DELETE /resources/demo/d1": [204, ""],
    "POST /resource-definitions/": [201, definition],
    "POST /resource-definitions/apply": [201, definition],
    "GET /resource-definitions/demo": [200, definition],
    "PUT /resource-definitions/demo": [200, definition],
    "DELETE /resource-definitions/demo": [204, ""],
    "POST /pipelines/": [201, { name: "p", steps: [{ driver: "a" }], metadata: null }],
    "GET /logs?driver=a&runid=r": [200, [{ runid: "r", message: "hello" }]],
    "POST /logs": [201, "Created"],
    "POST /drivers/broadcast-message": [200, { message: "message published" }],
  };
  const api = await stub(t, answers);
  const { resources, definitions, pipelines, logs, broadcasts } = new Client({ url: api.url });
  assert.equal((await resources.create({ name: "d1", resource: "demo", spec: { n: 1 } })).runId, "r1");
  assert.deepEqual(api.asked[0].body.spec, { n: 1 });
  assert.deepEqual((await resources.get("demo", "d1")).spec, { n: 1 });
  assert.deepEqual((await resources.getVersion("demo", "d1", "1")).metadata, {});
  assert.equal((await resources.update({ name: "d1", resource: "demo" })).metadata.version, "2");
  assert.equal(await resources.delete("demo", "d1"), undefined);
  assert.equal((await definitions.create(definition)).name, "demo");
  await definitions.apply(definition);
  assert.deepEqual((await definitions.get("demo")).schema, {});
  await definitions.update(definition);
  await definitions.delete("demo");
  assert.equal((await pipelines.create({ name: "p", steps: [{ driver: "a" }] })).steps[0].driver, "a");
  assert.equal((await logs.query({ runId: "r", driver: "a" }))[0].message, "hello");
  await logs.post({ runid: "r", message: "hello" });
  await broadcasts.send("create", "{}");
  assert.deepEqual(api.asked.map(({ line }) => line), Object.keys(answers));
});

test("errors have their codes", async (t) => {
  const api = await stub(t, {
    "GET /resources/demo/none": [500, { error: "resource with name none not found" }],
    "POST /resources/": [500, { error: "resource with name d1 already exists" }],
    "GET /resource-definitions/x": [500, { error: "etcd is away" }],
  });
  const client = new Client({ url: api.url, maxAttempts: 1 });
  await rejects(client.resources.get("demo", "none"), "NotFound");
  await rejects(client.resources.create({ name: "d1", resource: "demo" }), "Conflict");
  await rejects(client.definitions.get("x"), "ApiFailed");
  await rejects(client.definitions.get("y"), "Unsupported");
});

test("faults of arguments are told with their paths and nothing is sent", async (t) => {
  const api = await stub(t, {});
  const client = new Client({ url: api.url });
  await assert.rejects(client.resources.create({ nam: "d1", pipeline: 3 }), (error) => {
    assert.equal(error.code, "ArgumentInvalid");
    assert.deepEqual(Object.keys(error.context).sort(), ["resource.nam", "resource.pipeline"]);
    return true;
  });
  await assert.rejects(client.resources.create({ spec: 1n }), /resource\.spec/);
  assert.throws(() => new Client({ url: "ci:8080" }), (error) => error.code === "OptionsInvalid" && "url" in error.context);
  assert.deepEqual(api.asked, []);
});

test("a log stream is read until it is left or its signal aborts", async (t) => {
  const line = (text) => `data: {"runid":"r","driver":"a","timestamp":"${text}","message":"${text}"}\n\n`;
  const sends = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(line("1"));
    response.write(line("2"));
  };
  const api = await stub(t, { "GET /logs/streams/a/r": sends, "GET /logs/pipeline/r": sends });
  const client = new Client({ url: api.url });
  for await (const event of client.logs.stream("r", { driver: "a" })) {
    assert.equal(event.kind, "line");
    assert.equal(event.entry.message, "1");
    break;
  }
  const controller = new AbortController();
  const seen = [];
  for await (const event of client.logs.stream("r", { signal: controller.signal })) {
    seen.push(event.entry.message);
    if (seen.length === 2) {
      setImmediate(() => controller.abort());
    }
  }
  assert.deepEqual(seen, ["1", "2"]);
});

test("a run has the client of its manager", async (t) => {
  const api = await stub(t, { "GET /resources/image/base": [200, { name: "base", metadata: { version: "3" } }] });
  const driver = new Driver({ name: "image", resources: ["app"] }, async (run) => {
    const image = await run.client.resources.get("image", "base");
    return DriverResult.success(image.metadata.version);
  });
  const stream = new EmbeddedStream();
  const manager = await new DriverManager({ drivers: driver, stream, client: { url: api.url } }).start();
  t.after(() => manager.stop());
  for (const name of ["one", "two"]) {
    const run = stream.post({ name, resource: "app" });
    assert.equal((await stream.result(run)).message, "3");
  }
  assert.equal(api.asked.length, 2);
});

test("a run without an API says so", async (t) => {
  const errors = [];
  const driver = new Driver({ name: "image", resources: ["app"] }, (run) => {
    assert.throws(() => run.client, (error) => errors.push(error));
  });
  const stream = new EmbeddedStream();
  const manager = await new DriverManager({ drivers: driver, stream }).start();
  t.after(() => manager.stop());
  await stream.result(stream.post({ name: "one", resource: "app" }));
  assert.equal(errors[0].code, "OptionsInvalid");
  assert.deepEqual(Object.keys(errors[0].context), ["client.url"]);
});

test("a program ends by itself after its calls, and at once when told to while one is open", async (t) => {
  const api = await stub(t, { "GET /resource-definitions/demo": [200, { name: "demo" }], "GET /resource-definitions/never": () => {} });
  const program = async (source) => {
    const text = `import { Client } from "conveyor-driver"; const client = new Client(); ${source}`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", text], {
      cwd: new URL("..", import.meta.url),
      env: { ...process.env, CONVEYOR_API_URL: api.url, NODE_TEST_CONTEXT: undefined },
    });
    let said = "";
    child.stdout.on("data", (piece) => (said += piece));
    child.stderr.on("data", (piece) => (said += piece));
    const code = await new Promise((resolve) => child.once("close", resolve));
    return { code, said };
  };
  const asks = 'console.log((await client.definitions.get("demo")).name);';
  assert.deepEqual(await program(asks), { code: 0, said: "demo\n" });
  assert.deepEqual(await program('client.definitions.get("never"); setTimeout(() => process.exit(3), 200);'), { code: 3, said: "" });
  const worker = `
    import { Worker } from "node:worker_threads";
    const text = 'import { parentPort } from "node:worker_threads"; import { Client } from "conveyor-driver"; new Client().definitions.get("never"); parentPort.postMessage(0);';
    const worker = new Worker(text, { eval: true });
    await new Promise((resolve) => worker.once("message", resolve));
    console.log(await worker.terminate());
    ${asks}`;
  assert.deepEqual(await program(worker), { code: 0, said: "1\ndemo\n" });
});
