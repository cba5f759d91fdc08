import { type ErrorCode, RETRYABLE } from "./codes.js";
import { camel, camelQuoted } from "./names.js";

/** Something that the runtime refused or could not do. Decide on `code`, never on the text. */
export class ConveyorError extends Error {
  override readonly name: string = "ConveyorError";
  /** The name of its code, the same in every language. */
  readonly code: ErrorCode;
  /** The named facts. For `OptionsInvalid` the path of each faulty option, and what is wrong with it. */
  readonly context: Readonly<Record<string, string>>;
  /** What each error behind this one says, the nearest first. */
  readonly causes: readonly string[];

  constructor(
    code: ErrorCode,
    message: string,
    context: Readonly<Record<string, string>> = {},
    causes: readonly string[] = [],
  ) {
    super(message);
    this.code = code;
    this.context = context;
    this.causes = causes;
  }

  /** Whether the same call may succeed later without any change by the caller. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}

/** An error as the core writes it. */
export interface ErrorDocument {
  name: ErrorCode;
  message: string;
  context: { name: string; value: string }[];
  causes: string[];
}

/** The error that a document of the core tells of. */
export function errorOf(document: ErrorDocument): ConveyorError {
  const context: Record<string, string> = {};
  for (const { name, value } of document.context) {
    const path = camel(name);
    const fact = camelQuoted(value);
    context[path] = path in context ? `${context[path]}; ${fact}` : fact;
  }
  return new ConveyorError(document.name, told(document, context), context, document.causes);
}

/** As in all languages, but for the code, which is beside it. */
function told(document: ErrorDocument, context: Readonly<Record<string, string>>): string {
  const facts = Object.entries(context).map(([name, value]) => `${name}: ${value}`);
  const all = facts.length > 0 ? `${document.message} (${facts.join(", ")})` : document.message;
  return [all, ...document.causes].join(": ");
}

/** The error that the native half has written as JSON. */
export function errorOfText(text: string): ConveyorError {
  return errorOf(JSON.parse(text) as ErrorDocument);
}

/** Calls the native half, and throws what it throws as a `ConveyorError`. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === "ConveyorError") {
      const thrown = errorOfText(error.message);
      Error.captureStackTrace(thrown, calling);
      throw thrown;
    }
    throw error;
  }
}
