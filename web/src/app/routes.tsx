import { createBrowserRouter, Outlet } from "react-router";
import { inside, outside } from "../pages/admin/routes";
import { Loading } from "../pieces/Loading";
import { Broken } from "./Broken";
import { Shell } from "./Shell";

// Every screen is a chunk of its own, loaded when somebody goes there.
export const router = createBrowserRouter([
  {
    element: <Outlet />,
    errorElement: <Broken />,
    hydrateFallbackElement: <Loading />,
    children: [
      ...outside,
      {
        element: <Shell />,
        children: [
          {
            errorElement: <Broken />,
            children: [
              { path: "/", lazy: () => import("../pages/HomePage") },
              { path: "/apps", lazy: () => import("../pages/AppsPage") },
              { path: "/apps/:slug", lazy: () => import("../pages/AppPage") },
              { path: "/publish", lazy: () => import("../pages/PublishPage") },
              { path: "/requests/:id", lazy: () => import("../pages/RequestPage") },
              { path: "/requests/:id/edit", lazy: () => import("../pages/EditRequestPage") },
              { path: "/reviews", lazy: () => import("../pages/ReviewsPage") },
              { path: "/flags", lazy: () => import("../pages/FlagsPage") },
              { path: "/flags/:key", lazy: () => import("../pages/FlagPage") },
              { path: "/flags/:key/edit/:environment", lazy: () => import("../pages/FlagEditPage") },
              { path: "/compliance", lazy: () => import("../pages/CompliancePage") },
              { path: "/import", lazy: () => import("../pages/ImportPage") },
              { path: "/kills", lazy: () => import("../pages/KillsPage") },
              { path: "/audit", lazy: () => import("../pages/AuditPage") },
              ...inside,
              { path: "*", lazy: () => import("../pages/NowherePage") },
            ],
          },
        ],
      },
    ],
  },
]);
