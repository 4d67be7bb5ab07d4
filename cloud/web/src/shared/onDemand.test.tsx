import { act, render, screen } from "@testing-library/react";
import { Suspense } from "react";
import { expect, it, vi } from "vitest";

import { onDemand } from "./onDemand";

const code = () => Promise.resolve({ default: () => <p>desk</p> });
const within = (page: React.ReactNode) => <Suspense fallback={<p>waiting</p>}>{page}</Suspense>;

it("draws a page whose code is there at once, without a moment of waiting", async () => {
  const Page = onDemand(code);
  await Page.load();
  render(within(<Page />));
  expect(screen.getByText("desk")).toBeInTheDocument();
});

it("waits for code that nobody asked for before", async () => {
  const Page = onDemand(code);
  render(within(<Page />));
  expect(screen.getByText("waiting")).toBeInTheDocument();
  expect(await screen.findByText("desk")).toBeInTheDocument();
});

it("keeps the page it drew when the code is asked for meanwhile", async () => {
  const begun = vi.fn();
  const Counted = () => {
    begun();
    return <input aria-label="note" />;
  };
  const Page = onDemand(() => Promise.resolve({ default: Counted }));
  const { rerender } = render(within(<Page />));
  const note = await screen.findByLabelText("note");
  await act(() => Page.load());
  rerender(within(<Page />));
  expect(screen.getByLabelText("note")).toBe(note);
});

it("says that the code could not be had, and lets the page itself try again", async () => {
  const ask = vi.fn(code).mockRejectedValueOnce(new Error("no network"));
  const Page = onDemand(ask);
  await expect(Page.load()).rejects.toThrow("no network");
  render(within(<Page />));
  expect(await screen.findByText("desk")).toBeInTheDocument();
});
