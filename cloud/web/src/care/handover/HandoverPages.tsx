import "./handover.css";

import type { ReactNode } from "react";
import { Route, Routes } from "react-router";

import { DetailPage } from "./DetailPage";
import { OverviewPage } from "./OverviewPage";
import { SheetPage } from "./SheetPage";

/** Shift handover: which shifts, the sheet to sign, and what was signed before. */
export default function HandoverPages(): ReactNode {
  return (
    <Routes>
      <Route index element={<OverviewPage />} />
      <Route path="sheet" element={<SheetPage />} />
      <Route path=":handoverId" element={<DetailPage />} />
    </Routes>
  );
}
