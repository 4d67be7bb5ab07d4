import { type ComponentType, lazy, type ReactNode, useState } from "react";

type Loaded = { default: ComponentType };

/** A page whose code comes when it is drawn first, or when it is asked for before that. */
export type PageOnDemand = { (): ReactNode; load: () => Promise<void> };

export function onDemand(ask: () => Promise<Loaded>): PageOnDemand {
  let there: ComponentType | undefined;
  const load = async (): Promise<void> => {
    there = (await ask()).default;
  };
  const Later = lazy(ask);
  function Page(): ReactNode {
    // React.lazy waits even for what is there; kept, since another component would begin anew.
    const [Drawn] = useState(() => there ?? Later);
    return <Drawn />;
  }
  return Object.assign(Page, { load });
}
