import "./shared/base.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App, loadPageAt } from "./app";
import { startI18n } from "./i18n";
import { startServiceWorker } from "./shared/push";

startI18n();
startServiceWorker();
const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

const draw = () =>
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
// React shows what it waits with for 300 ms at least: on the desk, that long without its alerts.
// Without the code the page says so itself.
void loadPageAt(location.pathname).then(draw, draw);
