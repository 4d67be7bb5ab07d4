import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { BrowserRouter, Navigate, Route, Routes, useNavigate } from "react-router";

import { createQueryClient } from "./api/queries";
import { AREAS } from "./areas";
import { onNotificationOpened } from "./shared/push";
import { CrashScreen } from "./shared/CrashScreen";
import { Shell } from "./shared/Shell";
import { Waiting } from "./shared/Waiting";

const LoginPage = lazy(() => import("./login/LoginPage"));
const AccountPage = lazy(() => import("./account"));
const InvitePage = lazy(() => import("./login/InvitePage"));
const HomePage = lazy(() => import("./login/HomePage"));

/** A tap on a notification leads this page there, without loading it anew. */
function FollowNotifications(): null {
  const navigate = useNavigate();
  useEffect(() => onNotificationOpened((url) => void navigate(url)), [navigate]);
  return null;
}

export function App(): ReactNode {
  const [queryClient] = useState(createQueryClient);
  return (
    <CrashScreen>
      <QueryClientProvider client={queryClient}>
        <Shell>
          <BrowserRouter>
            <FollowNotifications />
            <Suspense fallback={<Waiting />}>
              <Routes>
                <Route path="/login" element={<LoginPage />} />
                <Route path="/account" element={<AccountPage />} />
                <Route path="/invite" element={<InvitePage />} />
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
