import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { type RunDetail, RUNS_KEY } from "./calls";
import { type Frame, NOTHING, type Picture, withFrame } from "./frames";

export type Watched = { run: RunDetail | null; picture: Picture; lost: boolean; over: boolean };

const START: Watched = { run: null, picture: NOTHING, lost: false, over: false };

/** A run as it is told; parts that come together are drawn together. */
export function useRun(id: string): Watched {
  const queries = useQueryClient();
  const [watched, setWatched] = useState<Watched>(START);
  useEffect(() => {
    let frames: Frame[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const source = new EventSource(`/api/v1/simulations/${id}/live`);
    const draw = () => {
      timer = undefined;
      const told = frames;
      frames = [];
      setWatched((old) => ({ ...old, lost: false, picture: told.reduce(withFrame, old.picture) }));
    };
    source.addEventListener("frame", (message) => {
      frames.push(JSON.parse(message.data as string) as Frame);
      timer ??= setTimeout(draw, DRAW_MS);
    });
    source.addEventListener("run", (message) => {
      const run = JSON.parse(message.data as string) as RunDetail;
      setWatched((old) => ({ ...old, run, lost: false }));
      void queries.invalidateQueries({ queryKey: RUNS_KEY, exact: true });
    });
    source.addEventListener("over", () => {
      source.close();
      setWatched((old) => ({ ...old, over: true, lost: false }));
    });
    source.addEventListener("end", () => {
      source.close();
      setWatched((old) => ({ ...old, lost: true }));
    });
    // The browser comes back by itself, after the last part it heard.
    source.onerror = () => setWatched((old) => (old.over ? old : { ...old, lost: true }));
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [id, queries]);
  return watched;
}

const DRAW_MS = 50;
