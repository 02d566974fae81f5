import {
  IconApps,
  IconClipboardCheck,
  IconHandStop,
  IconHistory,
  IconHome,
  IconPlus,
  IconSettings,
  IconToggleLeft,
  IconUserCircle,
} from "@tabler/icons-react";
import { allowed, governs } from "../admin/sections";
import type { m } from "../messages";
import type { Self } from "../session/session";

export interface Place {
  id: keyof typeof m.nav.places;
  to: string;
  icon: typeof IconHome;
  /** Whether it is of use to a person; those who may not do anything there do not see it. */
  for: (self: Self) => boolean;
}

const everybody = () => true;

/** The parts of the console that the menu leads to, in their order. */
export const places: Place[] = [
  { id: "home", to: "/", icon: IconHome, for: everybody },
  { id: "apps", to: "/apps", icon: IconApps, for: everybody },
  { id: "publish", to: "/publish", icon: IconPlus, for: everybody },
  {
    id: "reviews",
    to: "/reviews",
    icon: IconClipboardCheck,
    for: (self) => self.can.includes("request.decide"),
  },
  { id: "flags", to: "/flags", icon: IconToggleLeft, for: everybody },
  { id: "kills", to: "/kills", icon: IconHandStop, for: (self) => self.can.includes("kill") },
  { id: "audit", to: "/audit", icon: IconHistory, for: (self) => self.can.includes("audit.read") },
  { id: "admin", to: "/admin", icon: IconSettings, for: (self) => governs(self.can) },
];

/** The first part of administration that a person may see. */
export const adminOf = (self: Self): string => `/admin/${allowed(self.can)[0] ?? "groups"}`;

/** Everywhere a person may go from the menu. */
export const placesOf = (self: Self): Place[] =>
  places
    .filter((place) => place.for(self))
    .map((place) => (place.id === "admin" ? { ...place, to: adminOf(self) } : place));

export const account: Place = { id: "account", to: "/account", icon: IconUserCircle, for: everybody };
