// The public face: what a driver needs. Tests of drivers find the rest in `conveyor-driver/testing`.

export { Client, type LogFilter, type LogStreamOptions } from "./client.js";
export { ERROR_CODES, type ErrorCode } from "./codes.js";
export type { ExecOptions } from "./command.js";
export { captureConsole } from "./console.js";
export { currentRun } from "./context.js";
export type {
  CancelReason,
  ClientOptions,
  ConnectionOptions,
  CreatedResource,
  DriverOptions,
  DriverReport,
  GapReason,
  Level,
  LogEntry,
  LogEvent,
  ManagerOptions,
  NewLogEntry,
  NewResource,
  Pipeline,
  PipelineStep,
  Resource,
  ResourceDefinition,
  Serialization,
  TlsOptions,
} from "./documents.js";
export { Driver, type Reconcile } from "./driver.js";
export { ConveyorError } from "./error.js";
export type { Labels, RunLog, WriteLine } from "./log.js";
export type { Logger } from "./logger.js";
export { DriverManager, type DriverManagerOptions, type RunOptions } from "./manager.js";
export type { DrainReport, ExecOutput } from "./outcome.js";
export { DriverResult, Failed, type FailedOptions, type ReconcileResult, Retry, type RetryOptions } from "./result.js";
export type { Run } from "./run.js";
