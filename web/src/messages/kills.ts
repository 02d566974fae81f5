import type { KillAct, Receipt } from "../api/types";
import { count } from "../model/text";

/** Turning off many things at once, and how far a kill got. */
export const kills = {
  title: "Turn off many",
  words:
    "When something burns: everything of an app, of a team, with a tag or of an environment, in one act.",
  what: "What",
  kinds: { app: "An app", owner: "A team", tag: "A tag", environment: "Everything" },
  app: "App",
  owner: "Team",
  tag: "Tag",
  where: "Environment",
  choose: "Choose what to turn off, and where. You see how many switches that is before anything happens.",
  nothing: "Nothing of that is on there.",
  counting: "Counting…",
  extent: (flags: number, apps: number, killed: number) =>
    `${count(flags, "switch", "switches")} of ${count(apps, "app", "apps")}` +
    (killed > 0 ? `; ${count(killed, "more is", "more are")} off already` : ""),
  some: (keys: string[], all: number) =>
    keys.join(", ") + (all > keys.length ? ` and ${all - keys.length} more` : ""),
  act: (flags: number) => `Turn off ${count(flags, "switch", "switches")}`,
  confirm: (what: string, where: string) => `Turn off ${what} in ${where}`,
  happens: (flags: number, where: string) => [
    `${count(flags, "switch is", "switches are")} off for everybody in ${where}, at once and together.`,
    "Rollouts of them stop.",
    "It can be taken back as one; where others have to agree, as a request for each.",
  ],
  defaultReason: "Turned off together from the console",
  done: "It is off",
  early: "Served, and not in the log yet",
  earlyWords: (flags: number) =>
    `${count(flags, "switch is", "switches are")} off for everybody; this is being written to the log`,
  end: "Let go",
  endOf: (what: string, where: string) => `Let go of the kill of ${what} in ${where}`,
  endHappens: (where: string) => [
    `What it holds off is served in ${where} as the database has it: on, unless somebody turned it off there.`,
    "It never comes into the log as a kill; this act does, with your reason.",
  ],
  list: "What was turned off together",
  none: "Nothing was turned off together yet",
  noneWords: "Acts that turn off many switches are listed here, and can be taken back here.",
  whatOf: ({ select }: Pick<KillAct, "select">): string => {
    if (select.app) return `everything of the app ${select.app}`;
    if (select.owner) return `everything of the team ${select.owner}`;
    if (select.tag) return `everything tagged ${select.tag}`;
    return select.flag ?? "everything";
  },
  standing: (standing: number, flags: number) =>
    standing === 0 ? "All of it was turned on again since" : `${standing} of ${flags} still off`,
  restore: "Turn on again",
  restoreOf: (what: string, where: string) => `Turn on again ${what} in ${where}`,
  restoreHappens: (standing: number, where: string, governed: boolean) => [
    governed
      ? `A request for each of the ${count(standing, "switch", "switches")}, at most 100 at a time; others approve them.`
      : `${count(standing, "switch is", "switches are")} on again in ${where}, for those who had it before.`,
    "What somebody else turned off or on since stays as it is.",
  ],
  asked: (requests: number, left: number) =>
    `${count(requests, "request was", "requests were")} made` +
    (left > 0 ? `; ${left} more to ask for: do it again` : ""),
  askedBefore: "It was asked for before: the requests wait for approval.",
  openRequest: "Open the request",
  receipt: "How far it got",
  /** How far a kill got, a sentence each. */
  receiptWords: (r: Receipt, now: number): string[] => {
    if (!r.committed_at)
      return [
        "It is off. It is being written to the log.",
        ...r.silent.map((name) => `The server ${name} has not answered yet`),
      ];
    if (!r.served_here)
      return ["It is committed. This server is still catching up; clients hear of it within seconds."];
    const c = r.clients;
    const connected = c.sent + c.waiting + c.unreachable + c.reconnecting;
    const lines: string[] = [];
    if (connected > 0)
      lines.push(
        `${c.sent} of ${count(connected, "connected client", "connected clients")} ${c.sent === 1 ? "was" : "were"} sent it` +
          (c.sent > 0 ? `, the last after ${c.last_ms} ms` : "") +
          (c.confirmed_by_host > 0 ? `; the hosts of ${c.confirmed_by_host} have it` : ""),
      );
    else if (r.polling.clients === 0) lines.push("No client is connected right now");
    if (c.in_process > 0)
      lines.push(
        `${count(c.in_process, "of these evaluates by itself", "of these evaluate by themselves")}: nothing tells whether they apply it`,
      );
    if (c.reconnecting > 0) lines.push(`${count(c.reconnecting, "is", "are")} reconnecting`);
    if (c.unreachable > 0)
      lines.push(
        `${count(c.unreachable, "cannot", "cannot")} be reached: what they had stays until they are back`,
      );
    const p = r.polling;
    const due = p.due_at ? Math.max(0, Math.round((new Date(p.due_at).getTime() - now) / 1000)) : undefined;
    if (p.clients > p.asked)
      lines.push(
        `${count(p.clients - p.asked, "client asks", "clients ask")} again by themselves` +
          (due === undefined ? "" : `, the latest in ${due} s`),
      );
    if (p.asked > 0)
      lines.push(
        `${count(p.asked, "client has", "clients have")} asked and ${p.asked === 1 ? "has" : "have"} it`,
      );
    for (const name of r.silent) lines.push(`The server ${name} has not answered yet`);
    return lines;
  },
};
