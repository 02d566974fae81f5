import { createBrowserRouter, Outlet } from "react-router";
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
      { path: "/sign-in", lazy: () => import("../pages/SignInPage") },
      {
        element: <Shell />,
        children: [
          {
            errorElement: <Broken />,
            children: [
              { path: "/", lazy: () => import("../pages/HomePage") },
              { path: "/publish", lazy: () => import("../pages/PublishPage") },
              { path: "/requests/:id", lazy: () => import("../pages/RequestPage") },
              { path: "/requests/:id/edit", lazy: () => import("../pages/EditRequestPage") },
              { path: "/flags", lazy: () => import("../pages/FlagsPage") },
              { path: "/flags/:key", lazy: () => import("../pages/FlagPage") },
              { path: "/audit", lazy: () => import("../pages/AuditPage") },
              { path: "*", lazy: () => import("../pages/NowherePage") },
            ],
          },
        ],
      },
    ],
  },
]);
