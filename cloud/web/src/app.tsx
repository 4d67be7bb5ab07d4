import { QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, Suspense, useEffect, useState } from "react";
import { BrowserRouter, matchPath, Navigate, Route, Routes, useNavigate } from "react-router";

import { createQueryClient } from "./api/queries";
import { AREAS } from "./areas";
import { onNotificationOpened } from "./shared/push";
import { CrashScreen } from "./shared/CrashScreen";
import { onDemand, type PageOnDemand } from "./shared/onDemand";
import { Shell } from "./shared/Shell";
import { Waiting } from "./shared/Waiting";

const PAGES: readonly { path: string; Page: PageOnDemand }[] = [
  { path: "/login", Page: onDemand(() => import("./login/LoginPage")) },
  { path: "/account", Page: onDemand(() => import("./account")) },
  { path: "/invite", Page: onDemand(() => import("./login/InvitePage")) },
  ...AREAS.map(({ path, Page }) => ({ path: `${path}/*`, Page })),
  { path: "/", Page: onDemand(() => import("./login/HomePage")) },
];

/** The code of the page at this path, so that it is there before anything is drawn. */
export async function loadPageAt(pathname: string): Promise<void> {
  await PAGES.find(({ path }) => matchPath(path, pathname) !== null)?.Page.load();
}

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
                {PAGES.map(({ path, Page }) => (
                  <Route key={path} path={path} element={<Page />} />
                ))}
                <Route path="*" element={<Navigate to="/" replace />} />
              </Routes>
            </Suspense>
          </BrowserRouter>
        </Shell>
      </QueryClientProvider>
    </CrashScreen>
  );
}
