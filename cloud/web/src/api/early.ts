/** Answers that public/early.js asked for before there was any script of ours. */

// By then the page has been open so long that it should ask anew.
const LATEST_MS = 10_000;

/** The answer to this call, if it is under way and not taken yet. */
export function takeEarly(request: Request): Promise<Response> | undefined {
  const early = (globalThis as { yuyueEarly?: Map<string, Promise<Response>> }).yuyueEarly;
  if (early === undefined || request.method !== "GET") return undefined;
  const { pathname, search } = new URL(request.url);
  const answer = early.get(pathname + search);
  early.delete(pathname + search);
  return performance.now() > LATEST_MS ? undefined : answer;
}
