import type { RouteObject } from "react-router";

/** Screens of people who are not signed in yet. */
export const outside: RouteObject[] = [
  { path: "/sign-in", lazy: () => import("../SignInPage") },
  { path: "/join", lazy: () => import("../JoinPage") },
];

/** One's own account, the checklist, and administration. */
export const inside: RouteObject[] = [
  { path: "/account", lazy: () => import("../AccountPage") },
  { path: "/setup", lazy: () => import("../SetupPage") },
  { path: "/admin", lazy: () => import("./FirstPage") },
  { path: "/admin/people", lazy: () => import("./PeoplePage") },
  { path: "/admin/people/:email", lazy: () => import("./PersonPage") },
  { path: "/admin/groups", lazy: () => import("./GroupsPage") },
  { path: "/admin/groups/:name", lazy: () => import("./GroupPage") },
  { path: "/admin/environments", lazy: () => import("./EnvironmentsPage") },
  { path: "/admin/segments", lazy: () => import("./SegmentsPage") },
  { path: "/admin/segments/:name", lazy: () => import("./SegmentPage") },
  { path: "/admin/tokens", lazy: () => import("./TokensPage") },
  { path: "/admin/keys", lazy: () => import("./KeysPage") },
  { path: "/admin/templates", lazy: () => import("./TemplatesPage") },
  { path: "/admin/templates/:id", lazy: () => import("./TemplatePage") },
  { path: "/admin/policies", lazy: () => import("./PoliciesPage") },
  { path: "/admin/policies/:name", lazy: () => import("./PolicyPage") },
  { path: "/admin/lifecycle", lazy: () => import("./LifecyclePage") },
  { path: "/admin/proposals", lazy: () => import("./ProposalsPage") },
];
