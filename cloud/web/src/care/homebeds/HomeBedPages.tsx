import "./homebeds.css";

import type { ReactNode } from "react";
import { Route, Routes } from "react-router";

import { HomeBedListPage } from "./HomeBedListPage";
import { HomeBedPage } from "./HomeBedPage";

/** Home beds: the list by step, and one with its life. */
export default function HomeBedPages(): ReactNode {
  return (
    <Routes>
      <Route index element={<HomeBedListPage />} />
      <Route path=":id" element={<HomeBedPage />} />
    </Routes>
  );
}
