import "./discovery.css";

import type { ReactNode } from "react";
import { Route, Routes } from "react-router";

import { DiscoveryListPage } from "./DiscoveryListPage";
import { ElderDiscoveryPage } from "./ElderDiscoveryPage";

/** Active discovery: today's list, and one elder's history. */
export default function DiscoveryPages(): ReactNode {
  return (
    <Routes>
      <Route index element={<DiscoveryListPage />} />
      <Route path=":elderId" element={<ElderDiscoveryPage />} />
    </Routes>
  );
}
