import { useMantineColorScheme } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import {
  IconApps,
  IconDeviceDesktop,
  IconFileText,
  IconMoon,
  IconPlus,
  IconSun,
  IconToggleLeft,
  IconUser,
} from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { peopleQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { m } from "../messages";
import { titleOf } from "../request/title";
import { useSelf } from "../session/session";
import { account, placesOf } from "./places";

export interface Found {
  id: string;
  title: string;
  words?: string;
  icon: typeof IconApps;
  /** Where it leads, or what it does. */
  to?: string;
  run?: () => void;
}

export interface FoundGroup {
  id: keyof typeof m.palette.groups;
  items: Found[];
}

const few = 5;

/** What a text finds: places and acts in the browser, everything else on the server. */
export function useFound(text: string): { groups: FoundGroup[]; searching: boolean } {
  const q = text.trim();
  const [settled] = useDebouncedValue(q, 120);
  const self = useSelf();
  const acts = useActs(q);
  const found = useQuery({
    queryKey: ["palette", settled],
    queryFn: ({ signal }) => search(settled, signal),
    enabled: settled !== "",
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
  const people = useQuery({ ...peopleQuery(settled), enabled: settled.length > 1 });
  const groups: FoundGroup[] = [{ id: "actions", items: acts }];
  if (q && found.data) groups.push(...found.data);
  if (q.length > 1 && people.data) {
    groups.push({
      id: "people",
      items: people.data.items.slice(0, few).map((person) => ({
        id: `person ${person.email}`,
        title: person.display_name || person.email,
        words: person.email,
        icon: IconUser,
        to: self.can.includes("people.write")
          ? `/admin/people/${encodeURIComponent(person.email)}`
          : `/flags?owner=${encodeURIComponent(person.email)}`,
      })),
    });
  }
  return {
    groups: groups.filter((group) => group.items.length > 0),
    searching: q !== settled || found.isFetching,
  };
}

async function search(q: string, signal: AbortSignal): Promise<FoundGroup[]> {
  const query = { q, limit: few };
  const [apps, flags, requests] = await Promise.all([
    unwrap(api.GET("/api/v1/apps", { params: { query }, signal })),
    unwrap(api.GET("/api/v1/flags", { params: { query }, signal })),
    unwrap(api.GET("/api/v1/requests", { params: { query }, signal })),
  ]);
  return [
    {
      id: "apps",
      items: apps.items.map((app) => ({
        id: `app ${app.slug}`,
        title: app.name,
        words: app.description,
        icon: IconApps,
        to: `/apps/${encodeURIComponent(app.slug)}`,
      })),
    },
    {
      id: "flags",
      items: flags.items.map((flag) => ({
        id: `flag ${flag.key}`,
        title: flag.key,
        words: flag.description || flag.name,
        icon: IconToggleLeft,
        to: `/flags/${encodeURIComponent(flag.key)}`,
      })),
    },
    {
      id: "requests",
      items: requests.items.map((request) => ({
        id: `request ${request.id}`,
        title: titleOf(request),
        words: m.state.request[request.state],
        icon: IconFileText,
        to: `/requests/${request.id}`,
      })),
    },
  ];
}

/** Where the person may go and what they may do, as far as its words hold every word of the text. */
function useActs(q: string): Found[] {
  const self = useSelf();
  const { setColorScheme } = useMantineColorScheme();
  const places = [...placesOf(self), account].map(
    ({ id, to, icon }): Found => ({
      id: `place ${id}`,
      title: id === "publish" ? m.palette.publish : m.nav.places[id],
      icon: id === "publish" ? IconPlus : icon,
      to,
    }),
  );
  const colours: Found[] = [
    { id: "light", title: m.palette.light, icon: IconSun, run: () => setColorScheme("light") },
    { id: "dark", title: m.palette.dark, icon: IconMoon, run: () => setColorScheme("dark") },
    { id: "auto", title: m.palette.auto, icon: IconDeviceDesktop, run: () => setColorScheme("auto") },
  ];
  if (!q) return places;
  const words = q.toLowerCase().split(/\s+/);
  return [...places, ...colours].filter(({ title }) =>
    words.every((word) => title.toLowerCase().includes(word)),
  );
}
