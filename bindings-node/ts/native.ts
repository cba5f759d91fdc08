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
  log(level: number, message: string, labels?: string): number | null;
  checkCancelled(): void;
  progress(): void;
  exec(command: string): number;
  stopCommand(id: number): void;
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
  driverOptions(document: string): string;
  managerOptions(document: string): string;
  resource(payload: string): string | null;
}

function load(): Native {
  const platform = platformName();
  const packageName = `conveyor-driver-${platform}`;
  try {
    return require(`./conveyor-driver.${platform}.node`) as Native;
  } catch (error) {
    if (!isMissing(error)) {
      throw error;
    }
  }
  try {
    return require(packageName) as Native;
  } catch (error) {
    throw new Error(
      `conveyor-driver has no native half for ${platform} here: the optional dependency ${packageName} ` +
        "is not installed. Install without --omit=optional, on a supported platform.",
      { cause: error },
    );
  }
}

function platformName(): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === "linux" ? `${name}-${isMusl() ? "musl" : "gnu"}` : name;
}

function isMusl(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
}

export const native = load();
