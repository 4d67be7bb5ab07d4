/*
 * Web push: shows what the hub sent, and opens the alert on a tap. And the assessment pages at a
 * bedside without a network: it answers for them, and for nothing else, where the network does
 * not. It never answers for calls or for the desk: one from a cache would look alive and be blind.
 */
"use strict";

// A damaged message still means that something wants to be seen.
const UNREADABLE = { title: "渝悦养老", body: "有新的报警，请打开值班台查看。", url: "/duty", tag: "unreadable", urgent: true };
const ICON = "/icon-192.png";
// Felt in a pocket: long, short, long.
const VIBRATION_MS = [600, 200, 200, 200, 600];

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const BEDSIDE_PAGES = /^\/care\/assessments(\/|$)/;

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && BEDSIDE_PAGES.test(url.pathname)) {
    event.respondWith(fetch(request).catch(() => putBy("/index.html")));
  } else if (url.pathname.startsWith("/assets/")) {
    event.respondWith(fetch(request).catch(() => putBy(request)));
  }
});

/** As src/shared/bedside.ts put it by; there are no other caches. */
async function putBy(request) {
  return (await caches.match(request)) ?? Response.error();
}

function read(data) {
  try {
    const said = data.json();
    return typeof said.title === "string" && said.title !== "" ? { ...UNREADABLE, ...said } : UNREADABLE;
  } catch {
    return UNREADABLE;
  }
}

/** Only pages of our own: whatever a message says. */
function ownUrl(url) {
  const wanted = new URL(String(url), self.location.origin);
  return wanted.origin === self.location.origin ? wanted.pathname + wanted.search : "/";
}

self.addEventListener("push", (event) => {
  const said = read(event.data);
  const url = ownUrl(said.url);
  event.waitUntil(
    self.registration.showNotification(said.title, {
      body: said.body,
      icon: ICON,
      badge: ICON,
      lang: "zh-CN",
      // One alert is one line; what comes anew about it sounds again.
      tag: url.includes("alert=") ? url : String(said.tag),
      renotify: true,
      requireInteraction: said.urgent === true,
      vibrate: VIBRATION_MS,
      data: { url },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(ownUrl(event.notification.data?.url ?? "/")));
});

async function open(url) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  // The desk that is open already: it keeps its sound and its stream.
  const page = pages.find((each) => new URL(each.url).pathname.startsWith(url.split("?")[0])) ?? pages[0];
  if (page === undefined) {
    await self.clients.openWindow(url);
    return;
  }
  page.postMessage({ kind: "open", url });
  await page.focus().catch(() => undefined); // not every browser lets us
}

/** The browser gave the subscription a new address: the hub must know, or the phone stays silent. */
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event.oldSubscription)));

async function renew(old) {
  const key = old?.options?.applicationServerKey;
  if (!key) return;
  const subscription = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  await fetch("/api/v1/contact-points", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Yuyue-Request": "1" },
    body: JSON.stringify({ channel: "webpush", label: "浏览器", address: JSON.stringify(subscription) }),
  });
}
