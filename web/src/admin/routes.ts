import type { RouteObject } from "react-router";

/** Screens of people who are not signed in yet. */
export const outside: RouteObject[] = [
  { path: "/sign-in", lazy: () => import("../pages/SignInPage") },
  { path: "/join", lazy: () => import("../pages/JoinPage") },
];

/** One's own account, the checklist, and administration. */
export const inside: RouteObject[] = [
  { path: "/account", lazy: () => import("../pages/AccountPage") },
  { path: "/setup", lazy: () => import("../pages/SetupPage") },
  { path: "/admin", lazy: () => import("../pages/admin/FirstPage") },
  { path: "/admin/people", lazy: () => import("../pages/admin/PeoplePage") },
  { path: "/admin/people/:email", lazy: () => import("../pages/admin/PersonPage") },
  { path: "/admin/groups", lazy: () => import("../pages/admin/GroupsPage") },
  { path: "/admin/groups/:name", lazy: () => import("../pages/admin/GroupPage") },
  { path: "/admin/environments", lazy: () => import("../pages/admin/EnvironmentsPage") },
  { path: "/admin/segments", lazy: () => import("../pages/admin/SegmentsPage") },
  { path: "/admin/segments/:name", lazy: () => import("../pages/admin/SegmentPage") },
  { path: "/admin/tokens", lazy: () => import("../pages/admin/TokensPage") },
  { path: "/admin/keys", lazy: () => import("../pages/admin/KeysPage") },
  { path: "/admin/templates", lazy: () => import("../pages/admin/TemplatesPage") },
  { path: "/admin/templates/:id", lazy: () => import("../pages/admin/TemplatePage") },
  { path: "/admin/policies", lazy: () => import("../pages/admin/PoliciesPage") },
  { path: "/admin/policies/:name", lazy: () => import("../pages/admin/PolicyPage") },
  { path: "/admin/lifecycle", lazy: () => import("../pages/admin/LifecyclePage") },
  { path: "/admin/proposals", lazy: () => import("../pages/admin/ProposalsPage") },
];
