/** What can go wrong with a call, in kinds that the screens have words for. */
export type FailureKind = "network" | "timeout" | "server" | "refused" | "not_logged_in";

/** A call that did not do what was asked. `status` 0: nothing was answered. */
export class CallFailure extends Error {
  constructor(
    readonly kind: FailureKind,
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(`${code}: ${detail}`);
    this.name = "CallFailure";
  }
}

/** Refused on this side already, before anything was asked of the hub. */
export const refusedHere = (words: string): CallFailure => new CallFailure("refused", 0, "refused_here", words);

function text(body: unknown, member: string): string {
  if (typeof body !== "object" || body === null) return "";
  const value: unknown = Reflect.get(body, member);
  return typeof value === "string" ? value : "";
}

/** Said to someone at the door, not to someone whose login has ended. */
const LOGIN_ANSWERS: readonly string[] = ["bad_login", "second_factor_needed", "bad_second_factor"];

/** From an answer that is not a success; `body` is the problem document if there was one. */
export function failureFromAnswer(response: Response, body: unknown): CallFailure {
  const code = text(body, "code") || `http_${response.status}`;
  const detail = text(body, "detail") || response.statusText || code;
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const kind: FailureKind =
    response.status === 401 && !LOGIN_ANSWERS.includes(code)
      ? "not_logged_in"
      : response.status >= 500
        ? "server"
        : "refused";
  return new CallFailure(
    kind,
    response.status,
    code,
    detail,
    Number.isFinite(seconds) ? seconds : null,
  );
}

/** From what `fetch` threw. */
export function failureFromError(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error;
  const name = error instanceof Error ? error.name : "";
  const kind = name === "TimeoutError" || name === "AbortError" ? "timeout" : "network";
  return new CallFailure(kind, 0, kind, error instanceof Error ? error.message : String(error));
}
