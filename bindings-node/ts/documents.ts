// Generated from the runtime's own definitions; the test `contract` writes it.

import type { ConveyorError } from "./error.js";

/** Which events of a driver may never be reconciled at the same time in one process. */
export type Serialization =
  /**
   * Events for the same resource wait for each other, in their order. One that waits for its next
   * attempt does not hold up those behind it.
   */
  | "resource"
  /** Nothing waits. */
  | "none";

/**
 * Certificates, as PEM text or as paths of PEM files. The server's certificate is always verified.
 *
 * Files are read again when they have changed, so that certificates can be renewed while a driver
 * runs: what is shown next, and what servers are verified by, is the new one.
 */
export interface TlsOptions {
  /** The authorities to trust, as text. Default: those of the system. */
  ca?: string | null;
  /** The same, as a path. Environment: `CONVEYOR_TLS_CA`. */
  caFile?: string | null;
  /** The certificate to show, as text, leaf first. */
  cert?: string | null;
  /** The same, as a path. Environment: `CONVEYOR_TLS_CERT`. */
  certFile?: string | null;
  /** Start TLS before the server says anything, as servers with `handshake_first` want it. */
  first?: boolean;
  /** The private key of that certificate, as text. */
  key?: string | null;
  /** The same, as a path. Environment: `CONVEYOR_TLS_KEY`. */
  keyFile?: string | null;
}

/**
 * Where the NATS server is and how to be let in. What is not given is filled from the environment,
 * then from the defaults.
 */
export interface ConnectionOptions {
  /** How long to keep trying to reach the server at the start. Default: for ever. */
  connectTimeoutMs?: number | null;
  /** The text of a credentials file. */
  creds?: string | null;
  /** The path of a credentials file. Environment: `CONVEYOR_NATS_CREDS`. */
  credsFile?: string | null;
  /** The name the server shows for this connection. Default: the first driver's name. */
  name?: string | null;
  /** An nkey seed. Environment: `CONVEYOR_NATS_NKEY`. */
  nkey?: string | null;
  /** The user's password. Environment: `CONVEYOR_NATS_PASSWORD`. */
  password?: string | null;
  /** How long to wait for the server's answer to one request before it is repeated. */
  requestTimeoutMs?: number;
  /** TLS, used when the server or the address asks for it, or when any of these is given. */
  tls?: TlsOptions;
  /** A token. Environment: `CONVEYOR_NATS_TOKEN`. */
  token?: string | null;
  /**
   * The address, or several separated by commas: `nats://host:4222` or `tls://host:4222`.
   * Environment: `CONVEYOR_NATS_URL`; else `CONVEYOR_SERVER_HOST` with port 4222. Default:
   * `nats://127.0.0.1:4222`.
   */
  url?: string | null;
  /** A user name, with `password`. Environment: `CONVEYOR_NATS_USER`. */
  user?: string | null;
}

/**
 * Where the Conveyor API is and how to be let in. What is not given is filled from the environment,
 * then from the defaults.
 */
export interface ClientOptions {
  /** How long it may take to reach the server. */
  connectTimeoutMs?: number;
  /**
   * How often a call is tried when the server cannot be reached or fails. What is not safe to
   * repeat is tried again only when it was not sent.
   */
  maxAttempts?: number;
  /** The largest answer that is taken. */
  maxResponseBytes?: number;
  /** How long a log stream keeps trying to come back. Default: for ever. */
  reconnectTimeoutMs?: number | null;
  /** How long one call may take, with all that is repeated of it. */
  requestTimeoutMs?: number;
  /**
   * How long a log stream may be silent before it is taken for dead. The server sends something
   * every 15 s.
   */
  streamIdleTimeoutMs?: number;
  /**
   * Authorities, and the certificate and key that prove who asks: with them each request carries a
   * token signed with the key, as servers with authentication want it.
   */
  tls?: TlsOptions;
  /**
   * The address, such as `http://host:8080` or `https://ci.example.com/conveyor`. Environment:
   * `CONVEYOR_API_URL`; else `CONVEYOR_SERVER_HOST` and `CONVEYOR_SERVER_PORT`, of which each may
   * be left out. Without any of these there is no client.
   */
  url?: string | null;
}

/** How a driver manager connects and stops. */
export interface ManagerOptions {
  /**
   * How to reach the Conveyor API, for `run.client`. What its `tls` does not give is taken from
   * that of the connection.
   */
  client?: ClientOptions;
  /** How to reach the event stream. */
  connection?: ConnectionOptions;
  /** How long runs may go on after a shutdown was asked for, before they are cancelled. */
  shutdownGraceMs?: number;
  /** Drain on SIGINT and SIGTERM, and end at once on a second one. */
  signals?: boolean;
}

/** What one driver listens to and how its runs are treated. */
export interface DriverOptions {
  /**
   * How long the server waits for a sign of life before it hands the event to another instance.
   * Renewed every third of it while a run lasts, so it does not limit a run.
   */
  ackWaitMs?: number;
  /**
   * Take over a consumer of this name that another runtime made, or whose filters would be
   * narrowed, although messages held for it may be lost.
   */
  adopt?: boolean;
  /**
   * How long a cancelled run may go on before it is abandoned. While its code still works, further
   * events of its resource are given back, later each time.
   */
  cancelGraceMs?: number;
  /**
   * Runs in flight at once in this process. The answers of as many again may be on their way to the
   * stream.
   */
  concurrency?: number;
  /** The broadcast events it wants; `*` is all. A message addressed to this driver is always run. */
  events?: readonly string[];
  /** How many bytes of log lines may wait for the server before the writer waits. */
  logBufferBytes?: number;
  /** How many log lines may be on their way without the server's word that they are stored. */
  logWindow?: number;
  /** The least number of unacknowledged events the consumer allows, over all instances. */
  maxAckPending?: number;
  /** How often an event is tried before it is answered with a failed result. */
  maxAttempts?: number;
  /**
   * How often an event may be delivered without an answer before it is taken for one that kills its
   * process, answered with a failed result and kept as a dead letter. A shutdown that gives an
   * event back counts, too; so does an older instance that leaves one to a newer, and each time
   * that an abandoned run of its resource is in its way. Default: `maxAttempts` and five more.
   */
  maxDeliveries?: number | null;
  /**
   * The driver's name: letters, digits, `-` and `_`. Also the name of its durable consumer, shared
   * by all its instances.
   */
  name: string;
  /**
   * How long a run may go without a log line or a report of progress before it is cancelled and
   * answered with a failed result. Default: as long as it likes.
   */
  progressTimeoutMs?: number | null;
  /** The resource types it handles, at least one: letters, digits, `-` and `_`. */
  resources: readonly string[];
  /** The delay before the second attempt, when reconcile asks for a retry without naming one. */
  retryInitialMs?: number;
  /** The longest such delay; each is about twice the one before. */
  retryMaxMs?: number;
  /**
   * How long a run may last before it is cancelled and answered with a failed result. Default: as
   * long as it likes.
   */
  runTimeoutMs?: number | null;
  /** Which events wait for each other. */
  serialize?: Serialization;
}

/** How much a line matters. */
export type Level =
  /** For finding faults. */
  | "debug"
  /** What happened. */
  | "info"
  /** What may need a look. */
  | "warning"
  /** What went wrong. */
  | "error";

/** Desired state, as the control plane keeps it. */
export interface Resource<Spec = any> {
  /** The id made when the resource was created. */
  id: string;
  /**
   * Facts beside the desired state. `driverresults.<driver>` holds the result of an earlier step,
   * as JSON text.
   */
  metadata: Record<string, any>;
  /** The name, unique for its type. */
  name: string;
  /** The pipeline that the resource starts; empty when none. */
  pipeline?: string;
  /** The type: the name of the resource definition. */
  resource: string;
  /** The desired state itself, `null` when none was given. */
  spec: Spec;
}

/**
 * A log line as the log engine stores it. `labels` reaches live listeners only: the engine drops it
 * when storing.
 */
export interface LogEntry {
  /** The driver that wrote it. */
  driver: string;
  /** Names and values beside the line, `level` among them. */
  labels?: Record<string, unknown>;
  /** The line. */
  message: string;
  /** The pipeline of the resource; absent when it has none. */
  pipeline?: string;
  /** The run the line belongs to. */
  runid: string;
  /** RFC 3339, UTC, nine fraction digits; strictly rising within driver and run. */
  timestamp: string;
}

/** Desired state, as the control plane keeps it. */
export interface NewResource {
  /** The id made when the resource was created. */
  id?: string;
  /**
   * Facts beside the desired state. `driverresults.<driver>` holds the result of an earlier step,
   * as JSON text.
   */
  metadata?: Record<string, any>;
  /** The name, unique for its type. */
  name?: string;
  /** The pipeline that the resource starts; empty when none. */
  pipeline?: string;
  /** The type: the name of the resource definition. */
  resource?: string;
  /** The desired state itself, `null` when none was given. */
  spec?: unknown;
}

/** A resource that was created, and the run that it started. */
export interface CreatedResource {
  /** What the API says, for people. */
  message: string;
  /** The name of the resource. */
  name: string;
  /** The run that it started: of its drivers, or of its pipeline. */
  runId: string;
  /** Its version, as text. */
  version: string;
}

/** A resource definition: a kind of resource, and the schema of its `spec`. */
export interface ResourceDefinition {
  /** What it is for. */
  description?: string;
  /**
   * The id that the API made. It may be empty: the API forgets it in a definition that was first
   * applied.
   */
  id?: string;
  /** The name: what resources of this kind have as their type. */
  name?: string;
  /**
   * JSON Schema of the `spec` of its resources. The API looks at it when the first of them is
   * posted.
   */
  schema?: unknown;
  /** Its version, in any form. */
  version?: string;
}

/** One step of a pipeline. */
export interface PipelineStep {
  /** The driver that does it. */
  driver?: string;
  /** Its id, in any form. */
  id?: string;
  /** Its name, for people. */
  name?: string;
}

/** A pipeline: what drivers do, one after the other, with a resource that names it. */
export interface Pipeline {
  /** What it is for. */
  description?: string;
  /** Facts beside the steps. */
  metadata?: Record<string, any>;
  /** The name: what resources name. */
  name?: string;
  /** The type of the resources it is for. */
  resource?: string;
  /**
   * Its steps, in their order. A driver in two steps never ends: the control plane finds the
   * current step by the name of the driver.
   */
  steps?: readonly PipelineStep[];
  /** Its version, in any form. */
  version?: string;
}

/**
 * A log line as the log engine stores it. `labels` reaches live listeners only: the engine drops it
 * when storing.
 */
export interface NewLogEntry {
  /** The driver that wrote it. */
  driver?: string;
  /** Names and values beside the line, `level` among them. */
  labels?: Record<string, unknown>;
  /** The line. */
  message?: string;
  /** The pipeline of the resource; absent when it has none. */
  pipeline?: string;
  /** The run the line belongs to. */
  runid?: string;
  /** RFC 3339, UTC, nine fraction digits; strictly rising within driver and run. */
  timestamp?: string;
}

/** Why lines may be missing. */
export type GapReason =
  /** The connection was lost and made again. The server has sent again what it had stored by then. */
  | "reconnected"
  /** Something came that is no log line, such as one with line breaks between its members. */
  | "unreadable";

/** What comes of a log stream. */
export type LogEvent =
  /** A line. */
  | {
      /** The line itself. */
      entry: LogEntry;
      kind: "line";
    }
  /** Lines may be missing here. Those that are stored can be queried. */
  | {
      kind: "gap";
      /** Why. */
      reason: GapReason;
    };

/**
 * Why a run should end early. As a document: `{"kind": "requested", "reason": "…"}`, and `{"kind":
 * "timed_out"}` for a kind without a reason.
 */
export type CancelReason =
  /** Somebody asked for it, for this reason. The event is answered with a failed result. */
  | {
      kind: "requested";
      /** Why, for people; may be empty. */
      reason: string;
    }
  /** It lasted longer than `runTimeoutMs`. The event is answered with a failed result. */
  | {
      kind: "timed_out";
    }
  /**
   * It wrote no line and reported no progress for `progressTimeoutMs`. The event is answered with a
   * failed result.
   */
  | {
      kind: "no_progress";
    }
  /** The process shuts down. The event is given back. */
  | {
      kind: "shutdown";
    }
  /**
   * The server could not be told in time that the run goes on: the event may already be with
   * another instance, and is left to it.
   */
  | {
      kind: "lease_lost";
    };

/** How a command ended. Its output went to the run's log. */
export interface ExecOutput {
  /**
   * Whether the command was told to end because its run was cancelled. It may still have exited
   * with a code of its own.
   */
  cancelled: boolean;
  /** The exit code, when the command exited by itself. */
  code: number | null;
  /** From the start of the command to its end. In a document `durationMs`, in milliseconds. */
  durationMs: number;
  /** The number of the signal that ended the command, when one did. */
  signal: number | null;
}

/**
 * What one driver did. Each event that was taken is counted under exactly one number, for each time
 * that it was taken; only `abandoned`, `lateResults` and `logLinesUnsent` are counted beside that.
 */
export interface DriverReport {
  /** Of those cancelled for any reason: runs that did not end within `cancelGraceMs`. */
  abandoned: number;
  /** Answered before; acknowledged again. */
  answeredBefore: number;
  /** Answered with a failed result because somebody had the run cancelled. */
  cancelled: number;
  /** Could not be read; kept in the stream `dead-letters`. */
  deadLettered: number;
  /** The driver's name. */
  driver: string;
  /** Why the driver stopped by itself. */
  error: ConveyorError | null;
  /** Answered with a failed result. */
  failed: number;
  /**
   * Given back, to be run by another instance or later: because of the shutdown, because the host
   * gave the run up, because only a newer instance handles the resource type, or because an
   * abandoned run of the same resource still works.
   */
  givenBack: number;
  /** Not wanted by the driver's `events`. */
  ignored: number;
  /** Of those abandoned: runs that came to an end later. What they said was ignored. */
  lateResults: number;
  /** Left to another instance because the server could not be told in time that the run goes on. */
  leaseLost: number;
  /** Log lines that could not be stored before the end. */
  logLinesUnsent: number;
  /**
   * Delivered more than `maxDeliveries` times without an answer: answered with a failed result and
   * kept in the stream `dead-letters`.
   */
  poisoned: number;
  /** Given back to be tried again later. */
  retried: number;
  /** How often reconcile was called. */
  runs: number;
  /** Answered with a good result. */
  succeeded: number;
  /** Answered with a failed result because the run took too long or made no progress. */
  timedOut: number;
}
