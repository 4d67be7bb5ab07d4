import i18next from "i18next";
import { Component, type ReactNode } from "react";

// Long enough to read, short enough that a desk is not blind for long.
const RELOAD_AFTER_S = 10;

type Props = { children: ReactNode };
type State = { crashed: boolean };

/** A broken page says so in red and comes back by itself; it never stays blank. */
export class CrashScreen extends Component<Props, State> {
  override state: State = { crashed: false };
  private timer: ReturnType<typeof setTimeout> | undefined;

  static getDerivedStateFromError(): State {
    return { crashed: true };
  }

  override componentDidCatch(): void {
    this.timer = setTimeout(() => location.reload(), RELOAD_AFTER_S * 1000);
  }

  override componentWillUnmount(): void {
    clearTimeout(this.timer);
  }

  override render(): ReactNode {
    if (!this.state.crashed) return this.props.children;
    const t = i18next.t;
    return (
      <main className="crash" role="alert">
        <h1>{t("failure.crashTitle")}</h1>
        <p>{t("failure.crashText", { seconds: RELOAD_AFTER_S })}</p>
        <button type="button" onClick={() => location.reload()}>
          {t("common.reload")}
        </button>
      </main>
    );
  }
}
