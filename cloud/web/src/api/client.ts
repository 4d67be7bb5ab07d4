import createClient from "openapi-fetch";

import { forgetBedside } from "../shared/bedside";
import { takeEarly } from "./early";
import { CallFailure, failureFromAnswer, failureFromError } from "./failure";
import type { components, paths } from "./schema";
import type {
  AlertDetail,
  AlertList,
  CoverageList,
  Me,
  MoveIn,
  SoundName,
  Status,
} from "./types";

// A nurse waits this long for a button at most; then the screen says that it did not work.
export const CALL_TIMEOUT_MS = 10_000;

/** The hub's API. Areas write their own calls with it: `answer(client.GET("/api/v1/..."))`. */
export const client = createClient<paths>({
  baseUrl: globalThis.location.origin,
  headers: { "X-Yuyue-Request": "1" },
  credentials: "same-origin",
  cache: "no-store",
  // Looked up at each call, so that tests can put their own in its place.
  fetch: (request) =>
    takeEarly(request) ??
    globalThis.fetch(new Request(request, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) })),
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The body of an answer. Throws CallFailure for anything but success. */
export async function answer<T>(calling: Promise<Answer<T>>): Promise<T> {
  let answered: Answer<T>;
  try {
    answered = await calling;
  } catch (error) {
    throw failureFromError(error);
  }
  const { data, error, response } = answered;
  if (!response.ok) throw failureFromAnswer(response, error);
  if (data === undefined && response.status !== 204) {
    throw new CallFailure("server", response.status, "empty_answer", "the answer was empty");
  }
  return data as T;
}

const byId = (alert_id: string) => ({ params: { path: { alert_id } } });

export const api = {
  me: (): Promise<Me> => answer(client.GET("/api/v1/session")),
  ways: (): Promise<components["schemas"]["WaysIn"]> => answer(client.GET("/api/v1/session/ways")),
  logIn: (username: string, password: string, code: string): Promise<Me> =>
    answer(
      client.POST("/api/v1/session", { body: { username, password, ...(code && { code }) } }),
    ),
  logOut: async (): Promise<void> => {
    await answer(client.DELETE("/api/v1/session"));
    forgetBedside();
  },
  alerts: (view: "open" | "recent"): Promise<AlertList> =>
    answer(client.GET("/api/v1/alerts", { params: { query: { view } } })),
  alert: (id: string): Promise<AlertDetail> =>
    answer(client.GET("/api/v1/alerts/{alert_id}", byId(id))),
  move: (id: string, move: MoveIn): Promise<AlertDetail> =>
    answer(client.POST("/api/v1/alerts/{alert_id}/moves", { ...byId(id), body: move })),
  shown: async (id: string, sound: SoundName): Promise<void> => {
    await answer(client.POST("/api/v1/alerts/{alert_id}/shown", { ...byId(id), body: { sound } }));
  },
  coverage: (): Promise<CoverageList> => answer(client.GET("/api/v1/coverage")),
  status: (): Promise<Status> => answer(client.GET("/api/v1/status")),
};
