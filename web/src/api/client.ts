import createClient from "openapi-fetch";
import type { paths } from "./schema";
import type { ProblemBody } from "./types";

export const api = createClient<paths>({ credentials: "same-origin" });

type Place = NonNullable<ProblemBody["errors"]>[number];

/** What went wrong, in the words of the server, or in ours when there was no server to ask. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly remediation: string;
  readonly errors: Place[];
  readonly current: unknown;
  readonly traceId: string;
  /** Seconds that the server asks to wait; 0 when it does not say. */
  readonly retryAfter: number;

  constructor(body: Partial<ProblemBody> & { status: number }, retryAfter = 0) {
    super(body.detail || body.title || String(body.status));
    this.name = "Problem";
    this.status = body.status;
    this.code = body.code ?? "";
    this.remediation = body.remediation ?? "";
    this.errors = body.errors ?? [];
    this.current = body.current;
    this.traceId = body.trace_id ?? "";
    this.retryAfter = retryAfter;
  }
}

/** Status of a Problem that stands for a server that did not answer. */
export const unreachable = 0;

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Gives the body of an answer, or throws a Problem. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem({ status: unreachable, code: "unreachable" });
  }
  if (!answer.response.ok) {
    const body = answer.error;
    throw new Problem(
      {
        ...(typeof body === "object" && body !== null ? (body as Partial<ProblemBody>) : {}),
        status: answer.response.status,
      },
      Number(answer.response.headers.get("Retry-After")) || 0,
    );
  }
  return answer.data as T;
}

/** The headers of a write over a revision; 0 is for what must not be there yet. */
export const over = (revision: number) =>
  revision > 0 ? { "If-Match": `"${revision}"` } : { "If-None-Match": "*" };

/** A key that makes a repeated request do its thing once. It works without a secure context too. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
