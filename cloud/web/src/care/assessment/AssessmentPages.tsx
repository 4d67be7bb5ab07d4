import "./assessment.css";

import { type ReactNode, useEffect } from "react";
import { Route, Routes, useLocation } from "react-router";

import { keepForBedside } from "../../shared/bedside";
import { DuePage } from "./DuePage";
import { ElderAssessments } from "./ElderAssessments";
import { FormPage } from "./FormPage";
import { SettingsPage } from "./SettingsPage";
import { useSending } from "./useDrafts";

// The scripts of a page that has just opened are all there by then.
const KEEP_AFTER_MS = 1_500;

/** Each page of the area is put by for where there is no network. */
function useBedside(): void {
  const { pathname } = useLocation();
  useEffect(() => {
    const timer = setTimeout(() => void keepForBedside(), KEEP_AFTER_MS);
    return () => clearTimeout(timer);
  }, [pathname]);
}

export default function AssessmentPages(): ReactNode {
  useSending();
  useBedside();
  return (
    <Routes>
      <Route index element={<DuePage />} />
      <Route path="settings" element={<SettingsPage />} />
      <Route path=":elderId" element={<ElderAssessments />} />
      <Route path=":elderId/:assessmentId" element={<FormPage />} />
    </Routes>
  );
}
