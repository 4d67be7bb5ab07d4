import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "./explain";
import { Waiting } from "./Waiting";

type Props = { of: { data: unknown; failureReason: Error | null }; failed: (why: string) => string };

/** What stands above what was asked for: that it is waited for, or why it did not come (again). */
export function Fetching({ of: { data, failureReason }, failed }: Props): ReactNode {
  const { t } = useTranslation();
  if (failureReason === null) return data === undefined && <Waiting />;
  return (
    <p role="alert" className="banner">
      {failed(explain(t, failureReason))}
    </p>
  );
}
