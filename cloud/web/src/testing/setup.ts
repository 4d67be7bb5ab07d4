import "@testing-library/jest-dom/vitest";

import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

import { startI18n } from "../i18n";

// A page is loaded on demand: on a busy machine that takes longer than the usual second.
configure({ asyncUtilTimeout: 15_000 });

// What jsdom lacks and the pages use.
HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
};
globalThis.ResizeObserver = class {
  observe(): void {
    // Nothing is ever resized here.
  }
  unobserve(): void {
    // Nothing is ever resized here.
  }
  disconnect(): void {
    // Nothing is ever resized here.
  }
};
Object.defineProperty(globalThis, "matchMedia", {
  value: () => ({ matches: false, addListener: () => undefined, removeListener: () => undefined }),
});

startI18n("zh");
afterEach(() => cleanup());
