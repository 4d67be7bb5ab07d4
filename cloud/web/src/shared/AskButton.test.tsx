import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";

import "../i18n";
import { AskButton } from "./AskButton";

// jsdom knows the element, not how it opens and closes.
HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
};
HTMLDialogElement.prototype.close = function close() {
  this.open = false;
  this.dispatchEvent(new Event("close"));
};

test("it asks, answers with what was typed, and closes", async () => {
  const onAnswer = vi.fn(() => Promise.resolve());
  render(<AskButton label="设备退役" questions={[{ name: "why", label: "原因", required: true }]} onAnswer={onAnswer} />);
  await userEvent.click(screen.getByRole("button", { name: "设备退役" }));
  await userEvent.type(screen.getByLabelText("原因"), "  进水 ");
  await userEvent.click(screen.getByTestId("ask-submit"));
  await waitFor(() => expect(screen.queryByTestId("ask")).toBeNull());
  expect(onAnswer).toHaveBeenCalledWith({ why: "进水" });
});

test("what goes wrong is said in the dialog, which stays with what was typed", async () => {
  const onAnswer = () => Promise.reject(new Error("no"));
  render(<AskButton label="改名字" questions={[{ name: "name", label: "名称", initial: "201" }]} onAnswer={onAnswer} />);
  await userEvent.click(screen.getByRole("button", { name: "改名字" }));
  await userEvent.click(screen.getByTestId("ask-submit"));
  expect(await screen.findByRole("alert")).toBeInTheDocument();
  expect(screen.getByLabelText("名称")).toHaveValue("201");
});

test("cancelled, nothing happens", async () => {
  const onAnswer = vi.fn(() => Promise.resolve());
  render(<AskButton label="撤销床位" title="撤销 201-1？" onAnswer={onAnswer} />);
  await userEvent.click(screen.getByRole("button", { name: "撤销床位" }));
  await userEvent.click(screen.getByRole("button", { name: /取\s?消/ }));
  expect(screen.queryByTestId("ask")).toBeNull();
  expect(onAnswer).not.toHaveBeenCalled();
});
