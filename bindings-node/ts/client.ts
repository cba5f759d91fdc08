import type {
  ClientOptions,
  CreatedResource,
  LogEntry,
  LogEvent,
  NewLogEntry,
  NewResource,
  Pipeline,
  Resource,
  ResourceDefinition,
} from "./documents.js";
import { document } from "./driver.js";
import { calling, errorOfText } from "./error.js";
import { jsonText } from "./json.js";
import { native, type NativeApiCalls } from "./native.js";

/** Which log lines: those that fit all that is given. */
export interface LogFilter {
  runId?: string | undefined;
  driver?: string | undefined;
  pipeline?: string | undefined;
}

/** Which lines of a run, and until when. */
export interface LogStreamOptions {
  /** Only those of this driver. */
  driver?: string | undefined;
  /** Ends the stream when it aborts. */
  signal?: AbortSignal | undefined;
}

type Call = (operation: string, args: Record<string, unknown>) => Promise<any>;

interface Settle {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Asks the Conveyor API. Each call resolves within `requestTimeoutMs`, or rejects with a `ConveyorError` whose
 * code says what it was: `NotFound`, `Conflict`, `ApiRefused` and so on.
 */
export class Client {
  readonly resources: Resources;
  readonly definitions: Definitions;
  readonly pipelines: Pipelines;
  readonly logs: Logs;
  readonly broadcasts: Broadcasts;

  readonly #calls: NativeApiCalls;
  readonly #open = new Map<number, Settle>();

  /**
   * What the options do not give is filled from the environment.
   *
   * Throws a `ConveyorError` of code `OptionsInvalid` with every fault found, also when nothing gives an address.
   */
  constructor(options: ClientOptions = {}) {
    const { calls } = options as { calls?: () => NativeApiCalls };
    this.#calls = calling(typeof calls === "function" ? calls : () => new native.ApiCalls(document("options", options)));
    const call: Call = (operation, args) => this.#call(operation, args);
    this.resources = new Resources(call);
    this.definitions = new Definitions(call);
    this.pipelines = new Pipelines(call);
    this.logs = new Logs(call);
    this.broadcasts = new Broadcasts(call);
  }

  async #call(operation: string, args: Record<string, unknown>): Promise<unknown> {
    const text = jsonText(args, "")!;
    const number = calling(() => this.#calls.start(operation, text));
    // Only while there are calls does this keep the process alive.
    if (this.#open.size === 0) {
      this.#calls.listen(() => this.#settle());
    }
    const ended = new Promise((resolve, reject) => this.#open.set(number, { resolve, reject }));
    // What ended before somebody listened woke nobody.
    setImmediate(() => this.#settle());
    return ended;
  }

  #settle(): void {
    for (const { number, answer, error } of this.#calls.take()) {
      const settle = this.#open.get(number);
      this.#open.delete(number);
      if (error === undefined) {
        settle?.resolve(JSON.parse(answer ?? "null"));
      } else {
        settle?.reject(errorOfText(error));
      }
    }
    if (this.#open.size === 0) {
      this.#calls.close();
    }
  }
}

/** The client whose calls come from elsewhere. */
export function clientOf(calls: () => NativeApiCalls): Client {
  return new Client({ calls } as ClientOptions);
}

/** The resources of the API. */
export class Resources {
  readonly #call: Call;

  /** @internal */
  constructor(call: Call) {
    this.#call = call;
  }

  /**
   * Creates a resource, which starts a run: of the drivers of its type, or of its pipeline.
   *
   * It is not repeated when it may have been done: on `Unavailable` or `TimedOut` look whether it exists.
   * Rejects with `Conflict` when it does, `NotFound` when its type or pipeline does not, `ApiRefused` when it
   * does not fit its schema.
   */
  async create(resource: NewResource): Promise<CreatedResource> {
    const { run_id: runId, ...rest } = await this.#call("resources.create", { resource });
    return { ...rest, runId };
  }

  /** The resource of this type and name, with the results of drivers in its metadata. */
  async get<Spec = any>(type: string, name: string): Promise<Resource<Spec>> {
    return this.#call("resources.get", { type, name });
  }

  /** The resource as it was in one of its versions, from `"1"`. */
  async getVersion<Spec = any>(type: string, name: string, version: string): Promise<Resource<Spec>> {
    return this.#call("resources.get_version", { type, name, version });
  }

  /** Replaces the resource of this type and name, as a new version. No driver hears of it. */
  async update<Spec = any>(resource: NewResource): Promise<Resource<Spec>> {
    return this.#call("resources.update", { resource });
  }

  /** Deletes the resource of this type and name, if there is one. No driver hears of it. */
  async delete(type: string, name: string): Promise<void> {
    await this.#call("resources.delete", { type, name });
  }
}

/** The resource definitions of the API. */
export class Definitions {
  readonly #call: Call;

  /** @internal */
  constructor(call: Call) {
    this.#call = call;
  }

  /** Creates a definition. Rejects with `Conflict` when there is one of this name. */
  async create(definition: ResourceDefinition): Promise<ResourceDefinition> {
    return this.#call("definitions.create", { definition });
  }

  /** Creates a definition, or replaces the one of its name whole. */
  async apply(definition: ResourceDefinition): Promise<ResourceDefinition> {
    return this.#call("definitions.apply", { definition });
  }

  /** The definition of this name. */
  async get(name: string): Promise<ResourceDefinition> {
    return this.#call("definitions.get", { name });
  }

  /** Replaces the definition of its name whole. */
  async update(definition: ResourceDefinition): Promise<ResourceDefinition> {
    return this.#call("definitions.update", { definition });
  }

  /** Deletes the definition of this name. */
  async delete(name: string): Promise<void> {
    await this.#call("definitions.delete", { name });
  }
}

/** The pipelines of the API. */
export class Pipelines {
  readonly #call: Call;

  /** @internal */
  constructor(call: Call) {
    this.#call = call;
  }

  /** Creates a pipeline, or replaces the one of its name, also for runs that are under way. */
  async create(pipeline: Pipeline): Promise<Pipeline> {
    return this.#call("pipelines.create", { pipeline });
  }
}

/** The logs of the API. */
export class Logs {
  readonly #call: Call;

  /** @internal */
  constructor(call: Call) {
    this.#call = call;
  }

  /** The stored lines that fit all that is given, in the order of their times. */
  async query({ runId, driver, pipeline }: LogFilter = {}): Promise<LogEntry[]> {
    return this.#call("logs.query", { run_id: runId, driver, pipeline });
  }

  /** Stores a line without NATS. Who listens to the live logs does not see it. */
  async post(entry: NewLogEntry): Promise<void> {
    await this.#call("logs.post", { entry });
  }

  /**
   * The lines of a run, those that are stored first, then as they come: for `for await`. It never ends by itself.
   *
   * A connection that is lost is made again; an event of kind `gap` says where lines may be missing, and no line
   * is given twice.
   */
  async *stream(runId: string, { driver, signal }: LogStreamOptions = {}): AsyncGenerator<LogEvent, void, void> {
    if (signal?.aborted) {
      return;
    }
    const args: { stream: number } = await this.#call("logs.stream", { run_id: runId, driver });
    const close = () => void this.#call("logs.close", args).catch(() => {});
    signal?.addEventListener("abort", close);
    try {
      while (!signal?.aborted) {
        const event: LogEvent | null = await this.#call("logs.next", args);
        if (event === null) {
          return;
        }
        yield event;
      }
    } finally {
      signal?.removeEventListener("abort", close);
      close();
    }
  }
}

/** The broadcasts of the API. */
export class Broadcasts {
  readonly #call: Call;

  /** @internal */
  constructor(call: Call) {
    this.#call = call;
  }

  /** Has the API publish a message on the NATS subject `application`. No driver listens there. */
  async send(event: string, payload: string, runId = ""): Promise<void> {
    await this.#call("broadcasts.send", { event, payload, run_id: runId });
  }
}
