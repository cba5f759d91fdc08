// The native half. A package of its own for each platform, or built beside this one.

/** The runs of a burst, one after the other: see `RUN_MEMBERS`. */
export type Taken = unknown[];

/** Key, index of the driver, id, event, payload, attempt, milliseconds that it may last or null. */
export const RUN_MEMBERS = 7;

export interface Notices {
  cancelled: number[];
  accepted: number[];
  commands: { id: number; output?: string; error?: string }[];
  records: string[];
  state?: "new" | "starting" | "running" | "draining" | "ended";
}

export interface NativeManager {
  readonly state: NonNullable<Notices["state"]>;
  start(wake: () => void): void;
  hasStarted(): boolean;
  report(): string | null;
  drain(): void;
  endNow(): void;
  end(): void;
  close(): void;
  cancel(runId: string, reason: string): number;
  take(most: number): Taken;
  notices(): Notices | null;
  run(key: number): RunHandle | null;
  resource(key: number): string | null;
  succeed(key: number, success: boolean, message: string, data?: string): void;
  fail(key: number, kind: string, message: string, traceback?: string, data?: string): void;
  retry(key: number, message: string, afterMs?: number): void;
  flush(): void;
}

export interface RunHandle {
  readonly cancelled: boolean;
  readonly cancelReason: string | null;
  checkCancelled(): void;
  apiCalls(): NativeApiCalls;
  progress(): void;
  /** Nothing when the line has its place, else a ticket; -1 when signals were heard while it waited. */
  log(level: number, message: string, labels?: string): number | null;
  exec(command: string, stdin?: string | Uint8Array): number;
  stopCommand(id: number): void;
}

export interface NativeApiCalls {
  listen(wake: () => void): void;
  close(): void;
  start(operation: string, args: string): number;
  take(): { number: number; answer?: string; error?: string }[];
  cancel(number: number): void;
}

export interface NativeEmbedded {
  post(resource: string, event: string, runId: string, driver?: string): void;
  results(runId: string): string;
  log(runId?: string): string;
  deadLetters(): Buffer[];
}

interface Native {
  Manager: new (drivers: string[], options: string, stream?: NativeEmbedded) => NativeManager;
  Embedded: new (wake: () => void) => NativeEmbedded;
  ApiCalls: new (options: string) => NativeApiCalls;
  driverOptions(document: string): string;
  managerOptions(document: string): string;
  resource(payload: string): string | null;
  heedSignals(heed: boolean): void;
  /** Those that the event loop will tell of later, too. */
  heardSignals(): NodeJS.Signals[];
  commandLine(args: string[]): number;
}

/** Those that may run here: a Linux has either C library. */
function platforms(): string[] {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === "linux" ? [`${name}-gnu`, `${name}-musl`] : [name];
}

function load(): Native {
  const names = platforms();
  const places = names.flatMap((name) => [`./conveyor-driver.${name}.node`, `conveyor-driver-${name}`]);
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      return require(place) as Native;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") {
        failures.push(error);
      }
    }
  }
  const [failure] = failures;
  const reason =
    failure === undefined
      ? `the optional dependency conveyor-driver-${names.join(" or -")} is not installed; install without --omit=optional, on a supported platform`
      : `it cannot be loaded: ${(failure as Error).message}`;
  throw new Error(`conveyor-driver has no native half here: ${reason}`, { cause: failure });
}

export const native = load();
