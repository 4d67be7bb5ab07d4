import "./matching.css";

import type { ReactNode } from "react";
import { Route, Routes } from "react-router";

import { ListPage } from "./ListPage";
import { ListsPage } from "./ListsPage";

/** Lists of other departments: brought here, compared, decided. */
export default function MatchingPages(): ReactNode {
  return (
    <Routes>
      <Route index element={<ListsPage />} />
      <Route path=":listId" element={<ListPage />} />
    </Routes>
  );
}
