import "./floor.css";

import { type KeyboardEvent, memo, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { BED_H, BED_STATES, BED_W, type BedState, type FloorUnit, layOut } from "./layout";

const FIRST_WIDTH_PX = 960;

// Shape and sign beside colour: octagon, struck circle, half circle, arrow, person, lying line.
const SIGN: Record<BedState, ReactNode> = {
  alert: <path d="M7 1h10l6 6v10l-6 6H7l-6-6V7zM12 6v8M12 18v.5" />,
  blind: <path d="M12 2a10 10 0 1 0 .01 0M5 5l14 14" />,
  degraded: <path d="M12 2a10 10 0 1 0 .01 0M12 2v20" />,
  out: <path d="M2 12h16M12 5l7 7-7 7" />,
  up: <path d="M12 3.5a3 3 0 1 0 .01 0M12 10v7M7 12h10M12 17l-4 5M12 17l4 5" />,
  in_bed: <path d="M2 6v14M2 16h20v4M6 12a2 2 0 1 0 .01 0M9 15h13v-4h-9z" />,
  watched: <path d="M12 3a9 9 0 1 0 .01 0M7.500 12l3 3.500 6-7" />,
  unknown: <path d="M8 8a4 4 0 1 1 5.5 3.8Q12 12.500 12 15M12 19v.5" />,
  empty: <path d="M2 6v14M2 16h20v4" />,
};

type BedProps = {
  id: string;
  label: string;
  name: string | undefined;
  detail: string | undefined;
  state: BedState;
  stateText: string;
  x: number;
  y: number;
  focusable: boolean;
  openable: boolean;
};

// Beside the sign there is room for seven figures or three characters.
const LABEL_ROOM = 7;

function cut(label: string): string {
  let left = LABEL_ROOM;
  for (let at = 0; at < label.length; at += 1) {
    left -= label.charCodeAt(at) > 0x2e80 ? 2 : 1;
    if (left < 0) return `${label.slice(0, at).trim()}…`;
  }
  return label;
}

/** Drawn again only when something of its own changes: two hundred of them are on one screen. */
const Bed = memo(function Bed(props: BedProps): ReactNode {
  const { id, label, name, detail, state, stateText, x, y, focusable, openable } = props;
  const said = [label, name, stateText, detail].filter(Boolean).join(" · ");
  return (
    <g className="floor-bed" data-state={state} data-testid="floor-bed" transform={`translate(${x} ${y})`}>
      <g
        className="floor-bed-face"
        data-bed={id}
        {...(openable ? { role: "button" } : { role: "img" })}
        tabIndex={focusable ? 0 : -1}
        aria-label={said}
      >
        <title>{said}</title>
        <rect className="floor-bed-box" x={2} y={2} width={BED_W - 4} height={BED_H - 4} rx={6} />
      </g>
      {/* What is drawn is cut to fit and said whole by the label; it lies on the button, not in it. */}
      <g aria-hidden="true" pointerEvents="none">
        <g className="floor-sign" transform={`translate(${BED_W - 32} 6) scale(0.95)`}>
          {SIGN[state]}
        </g>
        <text x={8} y={20} className="floor-bed-label">
          {cut(label)}
        </text>
        <text x={8} y={39} className="floor-bed-name">
          {(name ?? "").slice(0, 6)}
        </text>
        <text x={8} y={60} className="floor-bed-state">
          {((state === "alert" || state === "degraded") && detail !== undefined ? detail : stateText).slice(0, 12)}
        </text>
      </g>
    </g>
  );
});

function useWidth(): [React.RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(FIRST_WIDTH_PX);
  useEffect(() => {
    const element = box.current;
    if (element === null || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined && entry.contentRect.width > 0) setWidth(entry.contentRect.width);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

type Props = {
  title: string;
  units: readonly FloorUnit[];
  /** Called for the bed that is clicked, or entered by key. */
  onOpen?: ((bedId: string) => void) | undefined;
};

/** Units as plans of rooms and beds. One stop of the Tab key; arrows go from bed to bed. */
export function FloorPlan({ title, units, onOpen }: Props): ReactNode {
  const { t } = useTranslation();
  const [box, width] = useWidth();
  const order = useMemo(
    () => units.flatMap(({ rooms }) => rooms.flatMap(({ beds }) => beds.map(({ id }) => id))),
    [units],
  );
  const [chosen, setChosen] = useState<string | null>(null);
  const current = chosen !== null && order.includes(chosen) ? chosen : order[0];
  const bedOf = (target: EventTarget): string | null =>
    target instanceof Element ? (target.closest("[data-bed]")?.getAttribute("data-bed") ?? null) : null;

  const press = (event: KeyboardEvent) => {
    const id = bedOf(event.target);
    if (id === null) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onOpen?.(id);
      return;
    }
    const at = order.indexOf(id);
    const goal = {
      ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: order.length - 1,
    }[event.key]; // prettier-ignore
    const next = goal === undefined ? undefined : order[goal];
    if (next === undefined) return;
    event.preventDefault();
    setChosen(next);
    box.current?.querySelector<SVGGElement>(`[data-bed="${CSS.escape(next)}"]`)?.focus();
  };

  const counts = new Map<BedState, number>();
  for (const unit of units)
    for (const room of unit.rooms)
      for (const { state } of room.beds) counts.set(state, (counts.get(state) ?? 0) + 1);

  return (
    <section className="floor" aria-label={title} data-testid="floor">
      <ul className="floor-legend">
        {BED_STATES.filter((state) => counts.has(state)).map((state) => (
          <li key={state} data-state={state}>
            <svg viewBox="0 0 24 24" width="18" height="18" className="floor-sign" aria-hidden="true">
              {SIGN[state]}
            </svg>
            {t(`floor.state.${state}`)} <strong>{counts.get(state)}</strong>
          </li>
        ))}
      </ul>
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions -- the beds inside are the buttons; they share one handler */}
      <div
        ref={box}
        onKeyDown={press}
        onClick={(event) => {
          const id = bedOf(event.target);
          if (id === null) return;
          setChosen(id);
          onOpen?.(id);
        }}
      >
        {units.map((unit) => {
          const layout = layOut(unit.rooms, width);
          return (
            <section key={unit.id} aria-label={unit.name}>
              <h3 className="floor-unit">{unit.name}</h3>
              <svg
                className="floor-plan"
                width={layout.width}
                height={layout.height}
                viewBox={`0 0 ${layout.width} ${layout.height}`}
                role="group"
                aria-label={unit.name}
              >
                {layout.rooms.map(({ room, x, y, width: roomWidth, height, beds }) => (
                  <g key={room.id}>
                    <rect className="floor-room" x={x} y={y} width={roomWidth} height={height} rx={6} />
                    <text className="floor-room-name" x={x + 8} y={y + 14}>
                      {room.name}
                    </text>
                    {beds.map(({ bed, x: left, y: top }) => (
                      <Bed
                        key={bed.id}
                        id={bed.id}
                        label={bed.label}
                        name={bed.name}
                        detail={bed.detail}
                        state={bed.state}
                        stateText={t(`floor.state.${bed.state}`)}
                        x={left}
                        y={top}
                        focusable={bed.id === current}
                        openable={onOpen !== undefined}
                      />
                    ))}
                  </g>
                ))}
              </svg>
            </section>
          );
        })}
      </div>
    </section>
  );
}
