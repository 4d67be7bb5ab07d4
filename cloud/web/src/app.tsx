import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";

import { createQueryClient } from "./api/queries";
import { AREAS } from "./areas";
import { CrashScreen } from "./shared/CrashScreen";
import { Shell } from "./shared/Shell";
import { Waiting } from "./shared/Waiting";

const LoginPage = lazy(() => import("./login/LoginPage"));
const AccountPage = lazy(() => import("./account"));
const HomePage = lazy(() => import("./login/HomePage"));

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
                <Route path="/account" element={<AccountPage />} />
                {AREAS.map(({ name, path, Page }) => (
                  <Route key={name} path={`${path}/*`} element={<Page />} />
                ))}
                <Route path="/" element={<HomePage />} />
                <Route path="*" element={<Navigate to="/" replace />} />
              </Routes>
            </Suspense>
          </BrowserRouter>
        </Shell>
      </QueryClientProvider>
    </CrashScreen>
  );
}
