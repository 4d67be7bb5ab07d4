import "@testing-library/jest-dom/vitest";

import { cleanup } from "@testing-library/react";
import { afterEach } from "vitest";

import { startI18n } from "../i18n";

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
