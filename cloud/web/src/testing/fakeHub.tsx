/** A hub in memory behind `fetch` and `EventSource`: the only two doors of the pages. */
import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { createMemoryRouter, RouterProvider } from "react-router";
import { vi } from "vitest";

import type { LiveEventName } from "../api/live";
import { createQueryClient } from "../api/queries";
import type { components } from "../api/schema";
import type { AlertDetail, AlertSummary, CoverageList, Me, Status } from "../api/types";
import { Shell } from "../shared/Shell";
import { aDetail, aStatus } from "./samples";

export const ME: Me = {
  id: "7d1f0a52-0000-4000-8000-0000000000f1",
  username: "zhiban1",
  name: "周敏",
  role: "duty",
  permissions: ["alerts_act", "alerts_read", "own_account", "status_read"],
  restriction: null,
  second_factor: false,
  institution: { id: "7d1f0a52-0000-4000-8000-0000000000f2", name: "某某养老院" },
  session_expires_at: "2026-03-02T18:15:00.000Z",
  server_time: "2026-03-01T18:15:00.000Z",
};

type Answer = () => Response | Promise<Response>;

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(body === null ? null : JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });

export const problem = (status: number, code: string, more: object = {}): Response =>
  json({ title: code, status, code, detail: code, ...more }, status);

export class FakeHub {
  alerts: AlertSummary[] = [];
  recent: AlertSummary[] = [];
  position = 10;
  status: Status = aStatus();
  coverage: CoverageList = { server_time: "2026-03-01T18:15:00.000Z", elders: [] };
  floor: components["schemas"]["FloorOut"] = { server_time: "2026-03-01T18:15:00.000Z", limited: false, units: [] };
  calls: { method: string; path: string; body: unknown }[] = [];
  streams: FakeStream[] = [];
  /** `POST /api/v1/session` and the like; they come before the usual answers. */
  answers = new Map<string, Answer>();

  constructor() {
    vi.stubGlobal("fetch", (request: Request) => this.fetch(request));
    const streams = this.streams;
    vi.stubGlobal(
      "EventSource",
      class extends FakeStream {
        constructor(url: string) {
          super(url);
          streams.push(this);
        }
      },
    );
    vi.stubGlobal(
      "IntersectionObserver",
      class {
        constructor(private readonly callback: (entries: { isIntersecting: boolean }[]) => void) {}
        observe(): void {
          this.callback([{ isIntersecting: true }]);
        }
        disconnect(): void {
          // Seen is seen.
        }
      },
    );
  }

  detail(id: string): AlertDetail {
    const summary = this.alerts.find((alert) => alert.id === id);
    return aDetail(summary);
  }

  called(method: string, path: string): unknown[] {
    return this.calls
      .filter((call) => call.method === method && call.path === path)
      .map(({ body }) => body);
  }

  get stream(): FakeStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error("no stream was opened");
    return stream;
  }

  private async fetch(request: Request): Promise<Response> {
    const { pathname: path, searchParams } = new URL(request.url);
    const text = await request.text();
    const body: unknown = text === "" ? null : JSON.parse(text);
    this.calls.push({ method: request.method, path, body });
    const special = this.answers.get(`${request.method} ${path}`);
    if (special) return special();
    if (path === "/api/v1/session") return json(ME);
    if (path === "/api/v1/status") return json(this.status);
    if (path === "/api/v1/coverage") return json(this.coverage);
    if (path === "/api/v1/floor") return json(this.floor);
    if (path === "/api/v1/alerts") {
      const alerts = searchParams.get("view") === "recent" ? this.recent : this.alerts;
      return json({ position: this.position, server_time: "2026-03-01T18:15:00.000Z", alerts });
    }
    if (path.endsWith("/shown")) return json({ shown_at: "2026-03-01T18:15:00.000Z" });
    const id = /^\/api\/v1\/alerts\/([^/]+)$/.exec(path)?.[1];
    return id === undefined ? problem(404, "not_found") : json(this.detail(id));
  }
}

export class FakeStream {
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  private readonly listeners = new Map<string, (message: object) => void>();

  constructor(readonly url: string) {}
  addEventListener(name: string, listener: (message: object) => void): void {
    this.listeners.set(name, listener);
  }
  close(): void {
    this.readyState = 2;
  }
  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  says(name: LiveEventName, data: unknown, position: number | null = null): void {
    const lastEventId = position === null ? "" : String(position);
    this.listeners.get(name)?.({ data: JSON.stringify(data), lastEventId });
  }
}

/** Draws a page as the application does (an area with `route` `/operator/*`); the other address is a sign to be found by tests. */
export function renderAt(
  path: string,
  page: ReactNode,
  route = new URL(path, "http://x").pathname,
): { location: () => string } {
  const other = <p>elsewhere</p>;
  const router = createMemoryRouter(
    [
      { path: route, element: page },
      { path: "*", element: other },
    ],
    { initialEntries: [path] },
  );
  render(
    <QueryClientProvider client={createQueryClient()}>
      <Shell>
        <RouterProvider router={router} />
      </Shell>
    </QueryClientProvider>,
  );
  return { location: () => router.state.location.pathname + router.state.location.search };
}
