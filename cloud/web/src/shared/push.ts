/** The service worker of this browser: web push, and what a tap on a notification opens. */

/** What stands in the way of notifications here; null: nothing. */
export type PushObstacle = "unsupported" | "insecure" | "denied";

// Started at the first page; kept, so that nobody waits for it twice.
export function startServiceWorker(): void {
  if (!("serviceWorker" in navigator)) return;
  void navigator.serviceWorker.register("/sw.js").catch(() => undefined); // said on the account page
}

export function pushObstacle(): PushObstacle | null {
  if (!globalThis.isSecureContext) return "insecure";
  if (!("serviceWorker" in navigator) || !("PushManager" in globalThis) || !("Notification" in globalThis)) {
    return "unsupported";
  }
  return Notification.permission === "denied" ? "denied" : null;
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const plain = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** Asks for leave and subscribes; the subscription as the hub takes it. Call it from a click. */
export async function subscribe(key: string): Promise<string> {
  if ((await Notification.requestPermission()) !== "granted") throw new PushFailure("denied");
  const registration = await navigator.serviceWorker.ready;
  const wanted = { userVisibleOnly: true, applicationServerKey: bytesOf(key) };
  try {
    return JSON.stringify(await registration.pushManager.subscribe(wanted));
  } catch (error) {
    if (error instanceof DOMException && error.name === "InvalidStateError") {
      // Subscribed with another key of the hub: that one is of no use any more.
      await (await registration.pushManager.getSubscription())?.unsubscribe();
      return JSON.stringify(await registration.pushManager.subscribe(wanted));
    }
    throw new PushFailure("service");
  }
}

/** Why this browser cannot be reached: no leave given, or its push service is out of reach. */
export class PushFailure extends Error {
  constructor(readonly kind: "denied" | "service") {
    super(kind);
    this.name = "PushFailure";
  }
}

/** Calls back with the page that a tapped notification leads to. */
export function onNotificationOpened(open: (url: string) => void): () => void {
  if (!("serviceWorker" in navigator)) return () => undefined;
  const listener = (event: MessageEvent<unknown>) => {
    const said = event.data as { kind?: string; url?: string } | null;
    if (said?.kind === "open" && typeof said.url === "string" && said.url.startsWith("/")) open(said.url);
  };
  navigator.serviceWorker.addEventListener("message", listener);
  return () => navigator.serviceWorker.removeEventListener("message", listener);
}

/** What to call this browser in the list of one's ways. */
export function browserName(): string {
  const agent = navigator.userAgent;
  const system = /Android|iPhone|iPad|Windows|Macintosh|Linux/.exec(agent)?.[0] ?? "";
  const browser = /Edg|Firefox|MicroMessenger|Chrome|Safari/.exec(agent)?.[0] ?? "";
  const names: Record<string, string> = { Edg: "Edge", MicroMessenger: "微信", Macintosh: "Mac" };
  return [names[system] ?? system, names[browser] ?? browser].filter(Boolean).join(" ") || "浏览器";
}
