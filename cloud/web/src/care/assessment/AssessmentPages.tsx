import "./assessment.css";

import type { ReactNode } from "react";
import { Route, Routes } from "react-router";

import { DuePage } from "./DuePage";
import { ElderAssessments } from "./ElderAssessments";
import { FormPage } from "./FormPage";
import { SettingsPage } from "./SettingsPage";
import { useSending } from "./useDrafts";

export default function AssessmentPages(): ReactNode {
  useSending();
  return (
    <Routes>
      <Route index element={<DuePage />} />
      <Route path="settings" element={<SettingsPage />} />
      <Route path=":elderId" element={<ElderAssessments />} />
      <Route path=":elderId/:assessmentId" element={<FormPage />} />
    </Routes>
  );
}
