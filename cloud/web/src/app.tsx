import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";

import { createQueryClient } from "./api/queries";
import { CrashScreen } from "./shared/CrashScreen";
import { Shell } from "./shared/Shell";

const LoginPage = lazy(() => import("./login/LoginPage"));
const DutyPage = lazy(() => import("./duty/DutyPage"));

function Waiting(): ReactNode {
  const { t } = useTranslation();
  return (
    <p className="waiting" role="status">
      {t("common.loading")}
    </p>
  );
}

export function App(): ReactNode {
  const [queryClient] = useState(createQueryClient);
  return (
    <CrashScreen>
      <QueryClientProvider client={queryClient}>
        <Shell>
          <BrowserRouter>
            <Suspense fallback={<Waiting />}>
              <Routes>
                <Route path="/login" element={<LoginPage />} />
                <Route path="/duty" element={<DutyPage />} />
                <Route path="*" element={<Navigate to="/duty" replace />} />
              </Routes>
            </Suspense>
          </BrowserRouter>
        </Shell>
      </QueryClientProvider>
    </CrashScreen>
  );
}
