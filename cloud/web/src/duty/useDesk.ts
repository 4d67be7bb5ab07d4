/** Everything the desk shows, kept up to date: lists, the live stream, and what they mean. */
import { useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { HeardLog, withAlert } from "../api/board";
import { api } from "../api/client";
import { CallFailure } from "../api/failure";
import { type LiveEventName, type LiveState, LiveStream, type Source, TICK_MS } from "../api/live";
import { KEYS } from "../api/queries";
import {
  type AlertDetail,
  type AlertList,
  type AlertSummary,
  isOpen,
  type Me,
  type Status,
} from "../api/types";
import { serverClock } from "../shared/time";
import { assess, type Situation } from "./situation";

// Belt and braces beside the stream; often while there is none.
const LIST_EVERY_MS = { connected: 60_000, otherwise: 5_000 };
// Half of a gateway's heartbeat interval (30 s): never much older than what the cloud knows.
const STATUS_EVERY_MS = 15_000;
// With the pauses between attempts some 20 s without an answer: what is known is too old.
const STATUS_FAILURES_BELIEVED = 5;
const ME_STALE_MS = 60_000;

export type Desk = {
  me: Me | undefined;
  live: LiveState;
  alerts: readonly AlertSummary[] | null;
  listError: Error | null;
  recent: readonly AlertSummary[] | null;
  recentError: Error | null;
  status: Status | null;
  statusError: Error | null;
  situation: Situation;
  /** Take what the server answered to a move. */
  accept: (detail: AlertDetail) => void;
};

function applyAlert(queryClient: QueryClient, alert: AlertSummary): void {
  queryClient.setQueryData<AlertList>(
    KEYS.open,
    (list) => list && { ...list, alerts: withAlert(list.alerts, alert) },
  );
  void queryClient.invalidateQueries({ queryKey: KEYS.recent });
}

type StreamParts = { heard: HeardLog; onExpired: () => void };

/** The stream, from the position of the first list on; null until there is one. */
function useLive(position: number | null, { heard, onExpired }: StreamParts): LiveState {
  const queryClient = useQueryClient();
  const [state, setState] = useState<LiveState>(() => ({ kind: "connecting", sinceMs: Date.now() }));
  // Later lists must not start the stream anew.
  const [first, setFirst] = useState<number | null>(null);
  if (first === null && position !== null) setFirst(position);

  useEffect(() => {
    if (first === null) return;
    const reload = () => {
      for (const queryKey of [KEYS.open, KEYS.recent, KEYS.status, KEYS.coverage]) {
        void queryClient.invalidateQueries({ queryKey });
      }
    };
    const onEvent = (name: LiveEventName, data: unknown, at: number | null) => {
      if (name === "ping") {
        serverClock.heard((data as { server_time: string }).server_time);
      } else if (name === "status") {
        queryClient.setQueryData(KEYS.status, data);
      } else if (name === "alert") {
        const alert = data as AlertSummary;
        heard.add(at, alert);
        applyAlert(queryClient, alert);
        void queryClient.invalidateQueries({ queryKey: KEYS.alert(alert.id) });
      } else if (name === "coverage") {
        void queryClient.invalidateQueries({ queryKey: KEYS.coverage });
      } else if (name === "reset") {
        heard.clear();
        reload();
      } else {
        onExpired();
      }
    };
    const stream = new LiveStream(
      first,
      {
        onEvent,
        onState: (next, regained) => {
          setState(next);
          if (regained) reload();
        },
      },
      (url) => new EventSource(url) as unknown as Source,
      () => Date.now(),
    );
    const timer = setInterval(() => stream.tick(), TICK_MS);
    const look = () => stream.tick();
    const online = () => stream.retryNow();
    document.addEventListener("visibilitychange", look);
    window.addEventListener("online", online);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("online", online);
      stream.close();
    };
  }, [first, heard, onExpired, queryClient]);
  return state;
}

const isExpired = (error: Error | null): boolean =>
  error instanceof CallFailure && error.kind === "not_logged_in";

export function useDesk(onExpired: (wasHere: boolean) => void): Desk {
  const queryClient = useQueryClient();
  const [heard] = useState(() => new HeardLog());
  const me = useQuery({ queryKey: KEYS.me, queryFn: api.me, staleTime: ME_STALE_MS });
  const wasHere = useRef(false);
  const expired = useCallback(() => onExpired(wasHere.current), [onExpired]);

  const [connected, setConnected] = useState(false);
  const open = useQuery({
    queryKey: KEYS.open,
    queryFn: async () => {
      const list = await api.alerts("open");
      serverClock.heard(list.server_time);
      return heard.reconcile(list);
    },
    refetchInterval: connected ? LIST_EVERY_MS.connected : LIST_EVERY_MS.otherwise,
    refetchIntervalInBackground: true,
  });
  const live = useLive(open.data?.position ?? null, { heard, onExpired: expired });
  if (connected !== (live.kind === "connected")) setConnected(live.kind === "connected");

  const recent = useQuery({
    queryKey: KEYS.recent,
    queryFn: async () => (await api.alerts("recent")).alerts.filter((alert) => !isOpen(alert)),
    refetchInterval: LIST_EVERY_MS.connected,
  });
  const status = useQuery({
    queryKey: KEYS.status,
    queryFn: api.status,
    refetchInterval: STATUS_EVERY_MS,
    refetchIntervalInBackground: true,
  });

  const failed = [me, open, recent, status].some((query) =>
    isExpired(query.error ?? query.failureReason),
  );
  useEffect(() => {
    if (me.data) wasHere.current = true;
    if (failed) expired();
  }, [me.data, failed, expired]);

  const accept = useCallback(
    (detail: AlertDetail) => {
      heard.add(null, detail);
      queryClient.setQueryData(KEYS.alert(detail.id), detail);
      applyAlert(queryClient, detail);
    },
    [heard, queryClient],
  );

  // A retry that goes on has no error yet, but it has failed all the same: say so.
  const listError = open.error ?? open.failureReason;
  const statusError = status.error ?? status.failureReason;
  const statusOld = status.failureCount > STATUS_FAILURES_BELIEVED;
  const alerts = open.data?.alerts ?? null;
  const believed = statusOld ? null : (status.data ?? null);
  const situation = useMemo(
    () => assess({ live, alerts, listFailed: listError !== null, status: believed }),
    [live, alerts, listError, believed],
  );
  return {
    me: me.data,
    live,
    alerts,
    listError,
    recent: recent.data ?? null,
    recentError: recent.error ?? recent.failureReason,
    status: believed,
    statusError,
    situation,
    accept,
  };
}
