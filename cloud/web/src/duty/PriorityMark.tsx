import "./mark.css";

import type { ReactNode } from "react";

import type { Priority } from "../api/types";

// Colour, shape and text say the same: octagon, triangle, circle, square.
const SHAPES: Record<Priority, ReactNode> = {
  high: <path d="M14 3h20l11 11v20L34 45H14L3 34V14z" />,
  medium: <path d="M24 4 46 43H2z" />,
  low: <circle cx="24" cy="24" r="20" />,
  info: <rect x="5" y="5" width="38" height="38" rx="6" />,
};

/** The shape of a priority; its word stands beside it, so it is hidden from screen readers. */
export function PriorityMark({ priority }: { priority: Priority }): ReactNode {
  return (
    <svg className="mark" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <g className="mark-shape">{SHAPES[priority]}</g>
      {priority === "low" || priority === "info" ? (
        <path className="mark-sign" d="M24 14v.5M24 22v13" />
      ) : (
        <path className="mark-sign" d={priority === "high" ? "M24 11v16M24 36v.5" : "M24 17v12M24 37v.5"} />
      )}
    </svg>
  );
}
